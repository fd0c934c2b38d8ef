/*
 * What the command does about the host guard of a target that it runs: is the
 * target alive, and what did it refuse?
 */
#ifndef CLI_GUARDED_H
#define CLI_GUARDED_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "fuzz/stats.h"

/* Since when a target has done nothing. */
struct stall {
	time_t since;
	uint64_t beats;
	bool said;
};

/*
 * Has nothing run on a real VM for much longer than the @timeout, in seconds,
 * after which the engine should have said so? That is a call of the kernel's
 * that no signal ends. It is said on stderr, and true once. @stats NULL: the
 * target tells nothing, or not yet.
 */
bool has_stalled(struct stall *stall, const struct fuzz_stats *stats,
		 long timeout);

/* How many scenarios were not run, and why. */
void refusals_print(const struct fuzz_stats *stats);

#endif
