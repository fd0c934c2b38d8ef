/* Fuzz targets as child processes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

bool engine_file(char out[PATH_MAX], const char *name)
{
	const char *dir = getenv("KVMERRATA_FUZZ_DIR");
	char self[PATH_MAX / 2];
	ssize_t len;

	if (!dir) {
		len = readlink("/proc/self/exe", self, sizeof(self) - 1);
		self[len > 0 ? len : 0] = '\0';
		if (strrchr(self, '/'))
			*strrchr(self, '/') = '\0';
		dir = self;
	}
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX &&
	    access(out, X_OK) == 0)
		return true;
	fprintf(stderr,
		"%s: not found; start with ./kvmerrata, which builds it\n",
		out);
	return false;
}

bool engine_find(char out[PATH_MAX], const char *target)
{
	char name[64];

	snprintf(name, sizeof(name), "fuzz_%s_bin", target);
	return engine_file(out, name);
}

static void become(char *const argv[], const int ends[2])
{
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Ctrl-C is for the parent, which ends the child in its own time. */
	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[0]);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(EXIT_HARNESS);
}

bool engine_start(struct engine *out, char *const argv[])
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0 || (out->pid = fork()) < 0) {
		fprintf(stderr, "cannot start %s: %s\n", argv[0],
			strerror(errno));
		return false;
	}
	if (out->pid == 0)
		become(argv, ends);
	close(ends[1]);
	out->output = ends[0];
	out->len = 0;
	fcntl(out->output, F_SETFL, O_NONBLOCK);
	return true;
}

/* The first line of what was read, or all of it at the end. */
static bool take_line(struct engine *engine, char *out, int cap, bool at_end)
{
	char *end = memchr(engine->read, '\n', engine->len);
	size_t len = end ? (size_t)(end - engine->read) : engine->len;
	size_t used = end ? len + 1 : len;

	if (!end && !(at_end && len) && len < sizeof(engine->read))
		return false;
	snprintf(out, (size_t)cap, "%.*s", (int)len, engine->read);
	engine->len -= used;
	memmove(engine->read, engine->read + used, engine->len);
	return true;
}

int engine_line(struct engine *engine, char *out, int cap, int timeout_ms)
{
	struct pollfd wait = { .fd = engine->output, .events = POLLIN };
	ssize_t len;

	if (take_line(engine, out, cap, false))
		return 1;
	if (poll(&wait, 1, timeout_ms) <= 0)
		return 0;
	len = read(engine->output, engine->read + engine->len,
		   sizeof(engine->read) - engine->len);
	if (len > 0)
		engine->len += (size_t)len;
	else if (len == 0)
		return take_line(engine, out, cap, true) ? 1 : -1;
	return take_line(engine, out, cap, false) ? 1 : 0;
}

static int meaning(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int engine_wait(struct engine *engine)
{
	int status;

	close(engine->output);
	while (waitpid(engine->pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_HARNESS;
	return meaning(status);
}

bool engine_ended(struct engine *engine, int *out)
{
	int status;

	if (waitpid(engine->pid, &status, WNOHANG) != engine->pid)
		return false;
	*out = meaning(status);
	return true;
}
