/* Observations: appending to them, and their text form. */
#include "scenario/observation.h"

#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"

const struct observable observables[OBSERVABLES] = {
#define OBSERVABLE(type, name) \
	{ #name, offsetof(struct vcpu_state, name), sizeof(type) },
#include "scenario/observables.def"
#define REG(slot, name) \
	{ "apic_" #name, offsetof(struct vcpu_state, apic) + 4 * slot, 4 },
#define REG_READ_ONLY(slot, name) REG(slot, name)
#include "scenario/apic_regs.def"
};

uint64_t observable_get(const struct observable *observable,
			const struct vcpu_state *state)
{
	const uint8_t *at = (const uint8_t *)state + observable->offset;
	uint32_t u32;
	uint64_t u64;

	if (observable->size == sizeof(u64)) {
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
	memcpy(&u32, at, sizeof(u32));
	return u32;
}

void observation_start(struct observation *out)
{
	out->nr_steps = 0;
	out->nr_states = 0;
}

void observation_copy(struct observation *out, const struct observation *in)
{
	out->nr_steps = in->nr_steps;
	out->nr_states = in->nr_states;
	memcpy(out->steps, in->steps, sizeof(out->steps[0]) * in->nr_steps);
	memcpy(out->states, in->states, sizeof(out->states[0]) * in->nr_states);
}

struct step *observation_add(struct observation *out, struct answer answer,
			     uint32_t nr_states)
{
	struct step *step = &out->steps[out->nr_steps];

	CHECK(out->nr_steps < STEPS_MAX);
	CHECK(nr_states <= STATES_MAX - out->nr_states);
	step->answer = answer;
	step->nr_states = nr_states;
	step->first_state = out->nr_states;
	out->nr_steps++;
	out->nr_states += nr_states;
	return step;
}

struct vcpu_state *observation_state(struct observation *o,
				     const struct step *step, uint32_t vcpu)
{
	CHECK(vcpu < step->nr_states);
	return &o->states[step->first_state + vcpu];
}

const struct vcpu_state *observation_state_const(const struct observation *o,
						 const struct step *step,
						 uint32_t vcpu)
{
	CHECK(vcpu < step->nr_states);
	return &o->states[step->first_state + vcpu];
}

static void print_value(FILE *out, const char *name, uint64_t want,
			uint64_t care, uint64_t all)
{
	if (want & care)
		fprintf(out, " %s=0x%" PRIx64, name, want & care);
	else if (care != all)
		fprintf(out, " %s=0", name);
	if (care != all)
		fprintf(out, "/0x%" PRIx64, care);
}

static void print_answer(FILE *out, const struct answer *want,
			 const struct answer *care)
{
	print_value(out, "accepted", want->accepted, care->accepted,
		    UINT32_MAX);
	print_value(out, "error", want->error, care->error, UINT32_MAX);
}

static void print_state(FILE *out, const struct vcpu_state *want,
			const struct vcpu_state *care)
{
	for (size_t i = 0; i < OBSERVABLES; i++) {
		const struct observable *o = &observables[i];

		print_value(out, o->name, observable_get(o, want),
			    observable_get(o, care),
			    o->size == 8 ? UINT64_MAX : UINT32_MAX);
	}
}

void expectation_print(FILE *out, const struct expectation *e,
		       const struct scenario *s)
{
	for (uint32_t i = 0; i < e->want.nr_steps; i++) {
		const struct step *step = &e->want.steps[i];

		if (i < s->nr_ops) {
			op_print(out, &s->ops[i]);
			fputs(" ->", out);
			print_answer(out, &step->answer,
				     &e->care.steps[i].answer);
		} else {
			fputs("end", out);
		}
		fputc('\n', out);
		for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++) {
			uint32_t state = step->first_state + vcpu;

			fprintf(out, "  vcpu %" PRIu32 ":", vcpu);
			print_state(out, &e->want.states[state],
				    &e->care.states[state]);
			fputc('\n', out);
		}
	}
}
