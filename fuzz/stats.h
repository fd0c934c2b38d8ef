/* Numbers that a fuzzing process shares, in a file of its output folder. */
#ifndef FUZZ_STATS_H
#define FUZZ_STATS_H

#include <stdint.h>

#define FUZZ_STATS_FILE "stats.bin"

struct fuzz_stats {
	uint64_t scenarios;
	uint64_t diverge;
	uint64_t flaky;
};

#endif
