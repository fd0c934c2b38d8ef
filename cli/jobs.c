/* The processes of a run of `fuzz`: started, listened to, ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/fuzz.h"
#include "scenario/check.h"

enum {
	LINE_MAX_LEN = 1024,
	WAIT_MS = 200,
	KILL_AFTER_S = 30, /* an interrupted job that is still there */
};

void command_add(struct command *command, const char *format, ...)
{
	char *room = command->room[command->nr];
	va_list args;

	CHECK(command->nr + 1 < ARRAY_SIZE(command->argv));
	va_start(args, format);
	vsnprintf(room, sizeof(command->room[0]), format, args);
	va_end(args);
	command->argv[command->nr++] = room;
	command->argv[command->nr] = NULL;
}

void command_add_target_options(struct command *command,
				const struct fuzz_arguments *arguments,
				unsigned int job)
{
	command_add(command, "--against=%s", arguments->against);
	command_add(command, "--out=%s", arguments->out);
	command_add(command, "--job=%u", job);
	command_add(command, "--kvm=%s", arguments->device);
	if (arguments->sync_input)
		command_add(command, "--sync-input");
	if (arguments->dangerous)
		command_add(command, "--dangerous");
}

long fuzz_runs_of(const struct fuzz_arguments *arguments, unsigned int job)
{
	long jobs = (long)arguments->jobs;

	if (arguments->runs < 0)
		return -1;
	return arguments->runs / jobs + (job < arguments->runs % jobs);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* A file of @job's in the output folder. */
static bool job_path(char out[PATH_MAX], const struct jobs *jobs,
		     const struct job *job, const char *format)
{
	char name[64];

	snprintf(name, sizeof(name), format, job->number);
	return path_join(out, jobs->arguments->out, name);
}

static const struct fuzz_stats *map_stats(const struct jobs *jobs,
					  const struct job *job)
{
	char path[PATH_MAX];
	void *stats = MAP_FAILED;
	struct stat info;
	int fd;

	if (!job_path(path, jobs, job, FUZZ_STATS_FILE))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &info) == 0 &&
	    info.st_size == (off_t)sizeof(struct fuzz_stats))
		stats = mmap(NULL, sizeof(struct fuzz_stats), PROT_READ,
			     MAP_SHARED, fd, 0);
	close(fd);
	return stats == MAP_FAILED ? NULL : stats;
}

bool jobs_stats(struct fuzz_stats *out, const struct jobs *jobs)
{
	bool any = false;

	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < jobs->nr; i++) {
		/* Nothing but counters. */
		const uint64_t *from = (const uint64_t *)jobs->job[i].stats;
		uint64_t *to = (uint64_t *)out;

		for (size_t n = 0; from && n < sizeof(*out) / sizeof(*to); n++)
			to[n] += from[n];
		any |= from != NULL;
	}
	return any;
}

static bool start_job(struct jobs *jobs, unsigned int number)
{
	const struct fuzz_arguments *arguments = jobs->arguments;
	struct job *job = &jobs->job[number];
	static struct command command;
	char path[PATH_MAX];

	memset(job, 0, sizeof(*job));
	job->number = number;
	job->started = time(NULL);
	command.nr = 0;
	if (!(arguments->engine == ENGINE_AFL ?
		      afl_command(&command, arguments, number) :
		      libfuzzer_command(&command, arguments, number)))
		return false;
	/* An earlier run's numbers are not this one's. */
	if (!job_path(path, jobs, job, FUZZ_STATS_FILE))
		return false;
	unlink(path);
	if (!job_path(path, jobs, job, "fuzz.%u.log"))
		return false;
	job->log = fopen(path, "w");
	if (!job->log) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (!engine_start(&job->engine, command.argv)) {
		fclose(job->log);
		return false;
	}
	job->running = true;
	jobs->nr = number + 1;
	return true;
}

/*
 * What is for people as well as for the log, from its mark to the end of the
 * line, or NULL. Under AFL++ two processes write to one pipe, so a line may
 * begin in the middle of another.
 */
static const char *what_matters(const char *line)
{
	static const char *const marks[] = {
		"FINDING: ",	"EXPLAINED: ",	     "SKIP: ",
		"HARNESS: ",	"Test unit written", "PROGRAM ABORT",
		"SYSTEM ERROR", "OS message",	     "KEPT: ",
	};
	const char *at = NULL;

	for (size_t i = 0; !at && i < ARRAY_SIZE(marks); i++)
		at = strstr(line, marks[i]);
	return at;
}

/* Colours are for terminals. */
static void remove_colours(char *line)
{
	char *to = line;

	while (*line)
		if (line[0] == '\033' && line[1] == '[')
			line += strcspn(line, "m") +
				(strchr(line, 'm') != NULL);
		else
			*to++ = *line++;
	*to = '\0';
}

static void read_line(struct job *job, const struct progress *p,
		      enum fuzz_engine engine, char *line)
{
	const char *matters;

	remove_colours(line);
	fprintf(job->log, "%s\n", line);
	matters = what_matters(line);
	if (matters) {
		progress_say(p, matters);
		if (!strncmp(matters, "SKIP: ", 6))
			job->said = EXIT_SKIP;
		if (!strncmp(matters, "HARNESS: ", 9))
			job->said = EXIT_HARNESS;
	}
	if (engine == ENGINE_AFL)
		afl_read_line(job, line);
	else
		libfuzzer_read_line(job, line);
}

static void end_job(struct jobs *jobs, struct job *job, int ended)
{
	const struct fuzz_arguments *arguments = jobs->arguments;
	char path[PATH_MAX];

	job->running = false;
	close(job->engine.output);
	fclose(job->log);
	if (arguments->engine == ENGINE_AFL) {
		afl_read_files(job, arguments->out);
		job->status = afl_judge(job, arguments, ended);
	} else {
		job->status = libfuzzer_judge(job, arguments, ended);
	}
	if (!job->stats)
		job->stats = map_stats(jobs, job);
	/* No process died: what was about to run is of no interest. */
	if (job->status == EXIT_AGREE &&
	    job_path(path, jobs, job, FUZZ_RUNNING_FILE))
		unlink(path);
}

/* What @job has to say, without waiting for it; and has it ended? */
static void listen(struct jobs *jobs, struct job *job, const struct progress *p)
{
	char line[LINE_MAX_LEN];
	int ended, got;
	/* First, so that all it said is there to be read. */
	bool has_ended = engine_ended(&job->engine, &ended);

	while ((got = engine_line(&job->engine, line, sizeof(line), 0)) > 0)
		read_line(job, p, jobs->arguments->engine, line);
	job->silent = got < 0;
	if (!job->stats)
		job->stats = map_stats(jobs, job);
	if (has_ended)
		end_job(jobs, job, ended);
	else if (has_stalled(&job->stall, job->stats, jobs->arguments->timeout))
		kill(job->engine.pid, SIGKILL);
}

/* Until a job that runs has something to say. False: none runs. */
static bool wait_for_some(const struct jobs *jobs)
{
	struct pollfd waits[JOBS_MAX];
	bool any = false;

	for (unsigned int i = 0; i < jobs->nr; i++) {
		const struct job *job = &jobs->job[i];
		bool heard = job->running && !job->silent;

		waits[i].fd = heard ? job->engine.output : -1;
		waits[i].events = POLLIN;
		any |= job->running;
	}
	if (any && poll(waits, jobs->nr, WAIT_MS) < 0)
		CHECK(errno == EINTR);
	return any;
}

static void tell_all(struct jobs *jobs, int signal)
{
	for (unsigned int i = 0; i < jobs->nr; i++)
		if (jobs->job[i].running) {
			jobs->job[i].interrupted = true;
			kill(jobs->job[i].engine.pid, signal);
		}
}

static void follow(struct jobs *jobs, struct progress *p)
{
	time_t interrupted_at = 0;

	while (wait_for_some(jobs)) {
		if (interrupted && !interrupted_at) {
			interrupted_at = time(NULL);
			tell_all(jobs, SIGINT);
		}
		if (interrupted_at &&
		    time(NULL) > interrupted_at + KILL_AFTER_S)
			tell_all(jobs, SIGKILL);
		for (unsigned int i = 0; i < jobs->nr; i++)
			if (jobs->job[i].running)
				listen(jobs, &jobs->job[i], p);
		progress_show(p, jobs);
	}
}

enum exit_status jobs_run(struct jobs *out,
			  const struct fuzz_arguments *arguments)
{
	enum exit_status worst = EXIT_AGREE;
	struct progress progress;

	out->arguments = arguments;
	out->nr = 0;
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	progress_start(&progress);
	for (unsigned int i = 0; i < arguments->jobs; i++) {
		if (start_job(out, i))
			continue;
		tell_all(out, SIGINT);
		worst = EXIT_HARNESS;
		break;
	}
	follow(out, &progress);
	if (out->nr)
		progress_sum_up(&progress, out);
	for (unsigned int i = 0; i < out->nr; i++)
		worst = exit_status_worse(worst, out->job[i].status);
	return worst;
}
