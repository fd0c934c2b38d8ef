/*
 * Numbers that a fuzzing process shares, in a file of its output folder. Where
 * several share one folder each is a job with a number, and has files of its
 * own. A job may be many processes, one after the other: AFL++ starts a new one
 * every so often. So they go on with the numbers that they find, and whoever
 * starts the job removes the old ones.
 */
#ifndef FUZZ_STATS_H
#define FUZZ_STATS_H

#include <stdint.h>

#include "scenario/observation.h"

enum { FUZZ_STATS_REFUSALS = 4 };

/* In the output folder, by job; the second is the input that runs. */
#define FUZZ_STATS_FILE "stats.%u.bin"
#define FUZZ_RUNNING_FILE "running.%u.bin"

struct fuzz_stats {
	uint64_t scenarios;
	uint64_t diverge;
	uint64_t explained;
	uint64_t flaky;
	/* Of these, signatures that the output folder did not have. */
	uint64_t new_diverge;
	uint64_t new_explained;
	uint64_t new_flaky;
	/* Not run and so not compared, by enum danger. */
	uint64_t refused[FUZZ_STATS_REFUSALS];
	/* Runs on a real VM: while this goes up the target is alive. */
	uint64_t beats;
	/* Of each row of errata.def: scenarios in which it decided something. */
	uint64_t row_agree[ROWS_MAX];
	uint64_t row_differ[ROWS_MAX];
};

#endif
