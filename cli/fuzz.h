/*
 * Private to the verb `fuzz`: its jobs, which are processes that share one
 * output folder; their engines; and how they are shown.
 */
#ifndef CLI_FUZZ_H
#define CLI_FUZZ_H

#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/guarded.h"
#include "fuzz/stats.h"

enum { JOBS_MAX = 64 };

enum fuzz_engine { ENGINE_LIBFUZZER, ENGINE_AFL };

/* A fuzz target, //fuzz:fuzz_<name>_bin. */
struct fuzz_target {
	const char *name;
	bool needs_kvm;
	bool by_ops;	/* mutated as a scenario; otherwise as bytes */
	bool is_checks; /* it ends at what it finds, a bug of this program */
};

struct fuzz_arguments {
	const struct fuzz_target *target;
	const char *against;
	const char *out;
	const char *device;
	enum fuzz_engine engine;
	long time; /* seconds; 0: for ever */
	long runs; /* of all jobs together; -1: no limit */
	long seed; /* of the first job; the others count on from it */
	unsigned int jobs;
	long timeout; /* seconds for one scenario */
	long memory;  /* MB; not with AFL++ */
	bool sync_input;
	bool dangerous;
};

/* The share of --runs that is @job's; -1: no limit. */
long fuzz_runs_of(const struct fuzz_arguments *arguments, unsigned int job);

/* A command line. */
struct command {
	char *argv[160];
	char room[160][PATH_MAX + 32];
	size_t nr;
};

void command_add(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What every fuzz target is told, whatever its engine. */
void command_add_target_options(struct command *command,
				const struct fuzz_arguments *arguments,
				unsigned int job);

struct job {
	struct engine engine;
	unsigned int number;
	time_t started;
	bool running;
	bool silent; /* its output has ended */
	bool interrupted;
	FILE *log;
	/* Where it said so itself: EXIT_SKIP, EXIT_HARNESS. */
	enum exit_status said;
	enum exit_status status; /* once it has ended */
	/* What the engine tells; 0 until it does. */
	long coverage;
	long corpus;
	unsigned long long runs;
	double stability; /* in percent; AFL++ only */
	/* What the target tells; NULL until it does, or where it does not. */
	const struct fuzz_stats *stats;
	struct stall stall;
};

struct jobs {
	const struct fuzz_arguments *arguments;
	struct job job[JOBS_MAX];
	unsigned int nr;
};

/* cli/jobs.c */

/*
 * Run the jobs until all have ended, by themselves or by an interrupt, which
 * ends them cleanly. Shows how it goes and, at the end, the sums. The result
 * is the worst of what they ended with, without regard to what differed.
 */
enum exit_status jobs_run(struct jobs *out,
			  const struct fuzz_arguments *arguments);

/* What all targets told, added up; false: none told anything. */
bool jobs_stats(struct fuzz_stats *out, const struct jobs *jobs);

/* cli/progress.c */

struct progress {
	double start; /* seconds on the monotonic clock */
	time_t started;
	double last_shown;
	double last_kept; /* in the folder's history */
	bool cannot_keep;
	bool terminal;
};

void progress_start(struct progress *out);
/* One line, if it is time for one. */
void progress_show(struct progress *p, struct jobs *jobs);
/* A line that stays; on a terminal the progress line goes out of its way. */
void progress_say(const struct progress *p, const char *line);
/* The table of sums, on stdout. */
void progress_sum_up(struct progress *p, const struct jobs *jobs);

/* cli/libfuzzer.c and cli/afl.c: what is different about the engines. */

/* The command line of @job. False after a message. */
bool libfuzzer_command(struct command *out,
		       const struct fuzz_arguments *arguments,
		       unsigned int job);
bool afl_command(struct command *out, const struct fuzz_arguments *arguments,
		 unsigned int job);

/* Learn from one line of the engine's. */
void libfuzzer_read_line(struct job *job, const char *line);
void afl_read_line(struct job *job, const char *line);
/* Learn from the files that AFL++ keeps. */
void afl_read_files(struct job *job, const char *out);

/* What @ended, the engine's exit status, means. Says what went wrong. */
enum exit_status libfuzzer_judge(const struct job *job,
				 const struct fuzz_arguments *arguments,
				 int ended);
enum exit_status afl_judge(const struct job *job,
			   const struct fuzz_arguments *arguments, int ended);

#endif
