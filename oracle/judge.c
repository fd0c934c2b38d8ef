/* Comparing an expectation with an observation. */
#include <string.h>

#include "oracle/oracle.h"
#include "scenario/check.h"

static void add(struct verdict *v, int vcpu, const char *name, uint64_t want,
		uint64_t got)
{
	if (v->nr_differences < DIFFERENCES_MAX)
		v->differences[v->nr_differences] =
			(struct difference){ vcpu, name, want, got };
	v->nr_differences++;
}

static void judge_answer(struct verdict *v, const struct answer *want,
			 const struct answer *care, const struct answer *got)
{
#define ANSWER(type, name)                                 \
	if ((want->name ^ got->name) & care->name)         \
		add(v, -1, #name, want->name & care->name, \
		    got->name & care->name);
#include "scenario/answers.def"
}

/* The quick look: does any promised bit differ? */
static bool states_agree(const struct vcpu_state *want,
			 const struct vcpu_state *care,
			 const struct vcpu_state *got)
{
	const uint64_t *w = (const uint64_t *)want;
	const uint64_t *c = (const uint64_t *)care;
	const uint64_t *g = (const uint64_t *)got;
	uint64_t differs = 0;

	for (size_t i = 0; i < sizeof(*want) / sizeof(*w); i++)
		differs |= (w[i] ^ g[i]) & c[i];
	return !differs;
}

static void judge_state(struct verdict *v, int vcpu,
			const struct vcpu_state *want,
			const struct vcpu_state *care,
			const struct vcpu_state *got)
{
	if (states_agree(want, care, got))
		return;
	for (size_t i = 0; i < OBSERVABLES; i++) {
		const struct observable *o = &observables[i];
		uint64_t mask = observable_get(o, care);
		uint64_t w = observable_get(o, want) & mask;
		uint64_t g = observable_get(o, got) & mask;

		if (w != g)
			add(v, vcpu, o->name, w, g);
	}
}

static void judge_step(struct verdict *v, uint32_t i,
		       const struct expectation *e,
		       const struct observation *got)
{
	const struct step *want = &e->want.steps[i];

	CHECK(want->nr_states == got->steps[i].nr_states);
	CHECK(want->first_state == got->steps[i].first_state);
	judge_answer(v, &want->answer, &e->care.steps[i].answer,
		     &got->steps[i].answer);
	for (uint32_t vcpu = 0; vcpu < want->nr_states; vcpu++) {
		uint32_t at = want->first_state + vcpu;

		judge_state(v, (int)vcpu, &e->want.states[at],
			    &e->care.states[at], &got->states[at]);
	}
}

void oracle_judge(struct verdict *out, const struct expectation *expected,
		  const struct observation *got)
{
	memset(out, 0, sizeof(*out));
	out->rows = expected->rows;
	CHECK(expected->want.nr_steps == got->nr_steps);
	for (uint32_t i = 0; i < got->nr_steps; i++) {
		judge_step(out, i, expected, got);
		if (!out->nr_differences)
			continue;
		out->kind = VERDICT_DIVERGE;
		out->step = i;
		out->cause = i;
		return;
	}
	out->kind = VERDICT_AGREE;
}
