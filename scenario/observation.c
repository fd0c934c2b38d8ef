/* Observations: appending to them, and their text form. */
#include "scenario/observation.h"

#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/observation_text.h"

const struct observable observables[OBSERVABLES] = {
#define OBSERVABLE(type, name) \
	{ #name, offsetof(struct vcpu_state, name), sizeof(type) },
#include "scenario/observables.def"
#define REG(slot, name) \
	{ "apic_" #name, offsetof(struct vcpu_state, apic) + 4 * slot, 4 },
#define REG_READ_ONLY(slot, name) REG(slot, name)
#include "scenario/apic_regs.def"
};

const struct observable answer_parts[ANSWER_PARTS] = {
#define ANSWER(type, name) \
	{ #name, offsetof(struct answer, name), sizeof(type) },
#include "scenario/answers.def"
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

const struct vcpu_state vcpu_state_zero;

const struct vcpu_state vcpu_state_all = {
#define OBSERVABLE(type, name) .name = (type)UINT64_MAX,
#include "scenario/observables.def"
	.apic = { [0 ... APIC_REGS - 1] = UINT32_MAX },
};

/* " NAME=VALUE", and "/MASK" where only those bits are promised. */
static void print_value(FILE *out, const char *name, uint64_t want,
			uint64_t care, uint64_t all)
{
	want &= care;
	fprintf(out, want ? " %s=0x%" PRIx64 : " %s=0", name, want);
	if (care != all)
		fprintf(out, "/0x%" PRIx64, care);
}

static void print_part(FILE *out, const char *name, uint64_t want,
		       uint64_t care, uint64_t all)
{
	if (want & care || care != all)
		print_value(out, name, want, care, all);
}

void expectation_print_answer(FILE *out, const struct expectation *e,
			      const struct scenario *s, uint32_t step)
{
	const struct answer *want = &e->want.steps[step].answer;
	const struct answer *care = &e->care.steps[step].answer;

	if (step >= s->nr_ops) {
		fputs("end\n", out);
		return;
	}
	op_print(out, &s->ops[step]);
	fputs(" ->", out);
#define ANSWER(type, name) \
	print_part(out, #name, want->name, care->name, (type)UINT64_MAX);
#include "scenario/answers.def"
	fputc('\n', out);
}

static bool is_news(const struct observable *o, struct vcpu_view now,
		    struct vcpu_view before)
{
	uint64_t care = observable_get(o, now.care);

	return care != observable_get(o, before.care) ||
	       (observable_get(o, now.want) ^ observable_get(o, before.want)) &
		       care;
}

bool vcpu_has_news(struct vcpu_view now, struct vcpu_view before)
{
	for (size_t i = 0; i < OBSERVABLES; i++)
		if (is_news(&observables[i], now, before))
			return true;
	return false;
}

void vcpu_print(FILE *out, uint32_t vcpu, struct vcpu_view now,
		struct vcpu_view before)
{
	fprintf(out, "  vcpu %" PRIu32 ":", vcpu);
	for (size_t i = 0; i < OBSERVABLES; i++) {
		const struct observable *o = &observables[i];

		if (is_news(o, now, before))
			print_value(out, o->name, observable_get(o, now.want),
				    observable_get(o, now.care),
				    o->size == 8 ? UINT64_MAX : UINT32_MAX);
	}
	fputc('\n', out);
}

void expectation_print(FILE *out, const struct expectation *e,
		       const struct scenario *s)
{
	const struct vcpu_view nothing = { &vcpu_state_zero, &vcpu_state_all };

	for (uint32_t i = 0; i < e->want.nr_steps; i++) {
		const struct step *step = &e->want.steps[i];

		expectation_print_answer(out, e, s, i);
		for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++) {
			uint32_t at = step->first_state + vcpu;

			vcpu_print(out, vcpu,
				   (struct vcpu_view){ &e->want.states[at],
						       &e->care.states[at] },
				   nothing);
		}
	}
}
