/* Numbers that a fuzzing process shares, in a file of its output folder. */
#ifndef FUZZ_STATS_H
#define FUZZ_STATS_H

#include <stdint.h>

enum { FUZZ_STATS_ROWS = 64 };

#define FUZZ_STATS_FILE "stats.bin"

struct fuzz_stats {
	uint64_t scenarios;
	uint64_t diverge;
	uint64_t explained;
	uint64_t flaky;
	/* Of each row of errata.def: scenarios in which it decided something. */
	uint64_t row_agree[FUZZ_STATS_ROWS];
	uint64_t row_differ[FUZZ_STATS_ROWS];
};

#endif
