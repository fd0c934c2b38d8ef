/* Private to scenario/: what the text forms of observations are made of. */
#ifndef SCENARIO_OBSERVATION_TEXT_H
#define SCENARIO_OBSERVATION_TEXT_H

#include "scenario/observation.h"

/* The line of a step, without states: the op and its answer, or "end". */
void expectation_print_answer(FILE *out, const struct expectation *e,
			      const struct scenario *s, uint32_t step);

/* What it is made of, as a state is of observables; offsets in an answer. */
enum {
	ANSWER_PARTS = 0
#define ANSWER(type, name) +1
#include "scenario/answers.def"
};
extern const struct observable answer_parts[ANSWER_PARTS];

/* What is wanted of a vCPU, and which bits of it are promised. */
struct vcpu_view {
	const struct vcpu_state *want;
	const struct vcpu_state *care;
};

/* No bit set, and every bit. */
extern const struct vcpu_state vcpu_state_zero;
extern const struct vcpu_state vcpu_state_all;

/* Do any promised bits, or the promise, differ? The line of what does: */
bool vcpu_has_news(struct vcpu_view now, struct vcpu_view before);
void vcpu_print(FILE *out, uint32_t vcpu, struct vcpu_view now,
		struct vcpu_view before);

#endif
