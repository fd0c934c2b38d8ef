/* libFuzzer: the target is the engine, and tells how it goes as it goes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fuzz.h"

enum { LIBFUZZER_INTERRUPTED = 72, LIBFUZZER_CRASHED = 77 };

/* What AFL++ found in the same folder is a corpus as well. */
static void add_afl_queues(struct command *command, const char *out)
{
	char path[PATH_MAX];

	for (unsigned int job = 0; job < JOBS_MAX; job++) {
		if (snprintf(path, sizeof(path), "%s/afl/job%u/queue", out,
			     job) >= (int)sizeof(path) ||
		    access(path, R_OK) != 0)
			return;
		command_add(command, "%s", path);
	}
}

/* New files in the first folder are read by all: libFuzzer's -reload=1. */
bool libfuzzer_command(struct command *out,
		       const struct fuzz_arguments *arguments, unsigned int job)
{
	const char *dir = arguments->out;
	char binary[PATH_MAX];

	if (!engine_find(binary, arguments->target->name))
		return false;
	command_add(out, "%s", binary);
	command_add(out, "-max_total_time=%ld", arguments->time);
	command_add(out, "-runs=%ld", fuzz_runs_of(arguments, job));
	command_add(out, "-seed=%ld", arguments->seed + job);
	command_add(out, "-max_len=512");
	command_add(out, "-timeout=%ld", arguments->timeout);
	/* Counting is what a run of the model would cost most. */
	if (!strcmp(arguments->target->name, "ref") ||
	    !strcmp(arguments->target->name, "tell"))
		command_add(out, "-use_counters=0");
	command_add(out, "-rss_limit_mb=%ld", arguments->memory);
	command_add(out, "-print_final_stats=1");
	command_add(out, "-artifact_prefix=%s/", dir);
	command_add(out, "%s/corpus", dir);
	command_add(out, "%s/seeds", dir);
	add_afl_queues(out, dir);
	command_add_target_options(out, arguments, job);
	return true;
}

static void read_number(long *out, const char *line, const char *word)
{
	const char *at = strstr(line, word);

	if (at)
		*out = strtol(at + strlen(word), NULL, 10);
}

void libfuzzer_read_line(struct job *job, const char *line)
{
	long runs = -1;

	read_number(&job->coverage, line, " cov: ");
	read_number(&job->corpus, line, " corp: ");
	if (line[0] == '#')
		runs = strtol(line + 1, NULL, 10);
	read_number(&runs, line, "stat::number_of_executed_units: ");
	if (runs > 0)
		job->runs = (unsigned long long)runs;
}

enum exit_status libfuzzer_judge(const struct job *job,
				 const struct fuzz_arguments *arguments,
				 int ended)
{
	if (ended == 0 || ended == LIBFUZZER_INTERRUPTED)
		return EXIT_AGREE;
	if (ended == EXIT_HARNESS || ended == EXIT_SKIP ||
	    ended == EXIT_USAGE) {
		fprintf(stderr, "job %u ended with status %d\n", job->number,
			ended);
		return (enum exit_status)ended;
	}
	/* A signal that is not the target's doing leaves no crash- file. */
	if (ended > 128)
		fprintf(stderr,
			"job %u ended with status %d; its last input is "
			"%s/" FUZZ_RUNNING_FILE "\n",
			job->number, ended, arguments->out, job->number);
	else
		fprintf(stderr,
			"job %u ended with status %d; its input is in %s\n",
			job->number, ended, arguments->out);
	return ended == LIBFUZZER_CRASHED && arguments->target->is_checks ?
		       EXIT_DIVERGE :
		       EXIT_HARNESS;
}
