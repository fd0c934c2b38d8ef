/* What is to be expected: one outcome, or several where there is a choice. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/emit.h"
#include "ref/model.h"
#include "scenario/check.h"

/* Lists of choices that are tried; many of them may come to the same. */
enum { LISTS_MAX = 4096 };

static void *copy_of(const void *from, size_t size)
{
	return memcpy(memory_there(malloc(size)), from, size);
}

static void possibility_take(struct possibility *out,
			     const struct expectation *from)
{
	size_t steps = from->want.nr_steps * sizeof(struct step);
	size_t states = from->want.nr_states * sizeof(struct vcpu_state);

	out->want = copy_of(from->want.steps, steps);
	out->care = copy_of(from->care.steps, steps);
	out->want_states = copy_of(from->want.states, states);
	out->care_states = copy_of(from->care.states, states);
}

static bool possibility_is(const struct possibility *outcome,
			   const struct expectation *other)
{
	size_t steps = other->want.nr_steps * sizeof(struct step);
	size_t states = other->want.nr_states * sizeof(struct vcpu_state);

	return !memcmp(outcome->want, other->want.steps, steps) &&
	       !memcmp(outcome->care, other->care.steps, steps) &&
	       !memcmp(outcome->want_states, other->want.states, states) &&
	       !memcmp(outcome->care_states, other->care.states, states);
}

static bool is_known(const struct emission *e, const struct expectation *work)
{
	for (uint32_t i = 0; i < e->nr_outcomes; i++)
		if (possibility_is(&e->outcomes[i], work))
			return true;
	return false;
}

static bool expect_all(struct emission *e, const struct oracle_sides *sides,
		       struct expectation *work)
{
	struct model_setup setup = { .errata = sides->errata };

	for (uint32_t tried = 0; tried < LISTS_MAX; tried++) {
		sides->expect(work, e->scenario, &setup);
		e->rows |= work->rows;
		e->nr_steps = work->want.nr_steps;
		if (!is_known(e, work)) {
			if (e->nr_outcomes == OUTCOMES_MAX)
				return false;
			possibility_take(&e->outcomes[e->nr_outcomes++], work);
		}
		if (!oracle_next_choices(&setup.choices, &work->choices,
					 e->nr_steps))
			return true;
	}
	return false;
}

bool emit_is_created(const struct emission *e, uint32_t vcpu)
{
	const struct scenario *s = e->scenario;
	uint32_t i = 0;

	for (uint32_t step = 0; step < s->nr_ops; step++) {
		if (s->ops[step].kind != OP_vcpu_create || i++ != vcpu)
			continue;
		return e->outcomes[0].want[step].answer.accepted ||
		       !e->outcomes[0].care[step].answer.accepted;
	}
	CHECK(!"a vCPU of the scenario");
	return false;
}

/* A new vCPU, as the scenario's beginning leaves it. */
static void expect_new(struct emission *e, const struct oracle_sides *sides,
		       uint32_t vcpu, struct expectation *work)
{
	static struct scenario beginning;
	struct model_setup setup = { .errata = sides->errata };

	beginning = *e->scenario;
	beginning.nr_ops = 0;
	while (scenario_nr_vcpus(e->scenario, beginning.nr_ops) <= vcpu)
		beginning.nr_ops++;
	sides->expect(work, &beginning, &setup);
}

static void take_new(struct emission *e, const struct vcpu_state *want,
		     const struct vcpu_state *care, bool first)
{
	if (first) {
		e->new_want = *want;
		e->new_care = *care;
	}
	for (size_t i = 0; i < OBSERVABLES; i++) {
		const struct observable *o = &observables[i];
		bool alike = observable_get(o, care) ==
				     observable_get(o, &e->new_care) &&
			     observable_get(o, want) ==
				     observable_get(o, &e->new_want);

		e->is_alike[i] = (first || e->is_alike[i]) && alike;
	}
}

/* All but what is asked for; an emission may be used again. */
static void forget(struct emission *e)
{
	for (uint32_t i = 0; i < e->nr_outcomes; i++) {
		free(e->outcomes[i].want);
		free(e->outcomes[i].care);
		free(e->outcomes[i].want_states);
		free(e->outcomes[i].care_states);
	}
	*e = (struct emission){ .scenario = e->scenario, .style = e->style };
}

bool emit_expect(struct emission *e, const struct oracle_sides *sides,
		 struct expectation *work)
{
	uint32_t nr_vcpus =
		(uint32_t)scenario_nr_vcpus(e->scenario, e->scenario->nr_ops);
	bool first = true;

	forget(e);
	if (!expect_all(e, sides, work))
		return false;
	for (uint32_t vcpu = 0; vcpu < nr_vcpus; vcpu++) {
		const struct step *end;

		if (!emit_is_created(e, vcpu))
			continue;
		expect_new(e, sides, vcpu, work);
		end = &work->want.steps[work->want.nr_steps - 1];
		take_new(e, &work->want.states[end->first_state + vcpu],
			 &work->care.states[end->first_state + vcpu], first);
		first = false;
	}
	return true;
}
