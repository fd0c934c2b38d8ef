/* Private to scenario/: what both ways of a recording's text agree on. */
#ifndef SCENARIO_RECORDING_STATES_H
#define SCENARIO_RECORDING_STATES_H

#include "scenario/recording.h"

#define RECORDING_FIRST_LINE "kvmerrata-record 1"

/* The kinds of facts, and whether each has a name in its key. */
struct fact_kind {
	const char *word;
	bool has_name;
};
enum { FACT_KINDS = 7 };
extern const struct fact_kind fact_kinds[FACT_KINDS];

/*
 * What a vCPU's line at @step is told against: the vCPU's state a step before,
 * or all zero, but for MP_STATE, which is told where it is read and then in
 * full.
 */
struct carried {
	struct vcpu_state want;
	struct vcpu_state care;
};
void recording_carry(struct carried *out, const struct expectation *shown,
		     const struct scenario *s, uint32_t step, uint32_t vcpu);

#endif
