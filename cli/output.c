/* Files that are written whole or not at all. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static bool complain(const char *path)
{
	fprintf(stderr, "%s: cannot write: %s\n", path, strerror(errno));
	return false;
}

bool path_join(char out[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return true;
	fprintf(stderr, "%s/%s: the path is too long\n", dir, name);
	return false;
}

bool path_make(const char *path)
{
	return mkdir(path, 0777) == 0 || errno == EEXIST || complain(path);
}

/* No interrupt leaves a temporary file: what there is to write is at hand. */
static void hold_signals(struct output *out)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &out->signals);
}

static void release_signals(const struct output *out)
{
	sigprocmask(SIG_SETMASK, &out->signals, NULL);
}

bool output_open(struct output *out, const char *path)
{
	if (!path || !strcmp(path, "-")) {
		out->path = NULL;
		out->file = stdout;
		return true;
	}
	out->path = path;
	if (snprintf(out->temporary, sizeof(out->temporary), "%s.%ld.tmp", path,
		     (long)getpid()) >= (int)sizeof(out->temporary)) {
		errno = ENAMETOOLONG;
		return complain(path);
	}
	hold_signals(out);
	out->file = fopen(out->temporary, "w");
	if (out->file)
		return true;
	complain(path);
	release_signals(out);
	return false;
}

bool output_commit(struct output *out)
{
	bool good;

	if (!out->path)
		return fflush(stdout) == 0 || complain("standard output");
	good = !ferror(out->file) && fflush(out->file) == 0 &&
	       fsync(fileno(out->file)) == 0;
	good = fclose(out->file) == 0 && good;
	good = good && rename(out->temporary, out->path) == 0;
	if (!good) {
		complain(out->path);
		unlink(out->temporary);
	}
	release_signals(out);
	return good;
}
