/*
 * What a scenario tells: where the model under what is expected, and the model
 * under what hosts are like, first differ, and by which rows. As numbers, so
 * that an engine keeps scenarios that tell what none told before; those are
 * worth running on a host.
 */
#ifndef FUZZ_TELL_H
#define FUZZ_TELL_H

#include "oracle/oracle.h"
#include "scenario/scenario.h"

enum { TELL_COUNTERS = 1 << 14 };

/* Where it keeps what it works on; too large for a stack. */
struct tell_workspace {
	struct expectation expected;
	struct expectation host;
	struct expectation trial;
};

/*
 * Set one of @counters for each kind of host on which @s differs from what is
 * expected under @expected. Equal signatures by equal rows share a counter,
 * and others rarely do.
 */
void tell(uint8_t counters[TELL_COUNTERS], const struct scenario *s,
	  const struct errata *expected, struct tell_workspace *work);

#endif
