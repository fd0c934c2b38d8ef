/*
 * Twins run and compared. A list of choices is that of the scenario alone,
 * then that of its twin: each may choose as it likes.
 */
#include "fuzz/twin.h"

#include <errno.h>
#include <string.h>

#include "scenario/check.h"

static struct {
	struct oracle_sides inner; /* a model and a host */
	struct twin_kind kind;
	char label[TWIN_NAME_MAX + 8];
	/* Of the scenario that was observed last. */
	struct twin twin;
	bool has_twin;
	struct observation alone;
	/* Scratch. */
	struct observation beside;
	struct expectation model;
	struct expectation model_beside;
	struct expectation projected;
} state;

/*
 * KVM's API, KVM_SIGNAL_MSI: below 0 is an error, 0 is blocked by the guest.
 * Which of the two answers a message that nobody takes is not said; KVM's -1,
 * which reads as EPERM, is taken for the other.
 */
static void level_answers(struct observation *o, const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_msi &&
		    o->steps[i].answer.error == EPERM)
			o->steps[i].answer.error = 0;
}

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	const struct oracle_sides *inner = &state.inner;

	(void)context;
	inner->observe(inner->context, &state.alone, s, schedule);
	level_answers(&state.alone, s);
	state.has_twin = twin_make(&state.twin, s, state.kind);
	if (!state.has_twin) {
		observation_copy(out, &state.alone);
		return;
	}
	inner->observe(inner->context, &state.beside, &state.twin.scenario,
		       schedule);
	twin_project(out, &state.twin, &state.beside);
	level_answers(out, s);
}

/* The op of the original before which, or at which, the twin's @step is. */
static uint16_t original_step(uint16_t step)
{
	uint16_t i = 0;

	while (i < state.twin.nr_ops && state.twin.op_at[i] < step)
		i++;
	return i;
}

/* The choices of the twin follow those that @out has already. */
static void add_choices(struct choices *out, const struct choices *beside)
{
	uint32_t first = out->nr;

	out->nr += beside->nr;
	for (uint32_t i = 0; i < beside->nr && first + i < CHOICES_MAX; i++) {
		out->pick[first + i] = beside->pick[i];
		out->alternatives[first + i] = beside->alternatives[i];
		out->step[first + i] = original_step(beside->step[i]);
	}
}

/* The model of the twin, with the choices that follow those of the original. */
static void expect_beside(const struct model_setup *setup, uint32_t nr_taken)
{
	struct model_setup rest = *setup;
	uint32_t taken = nr_taken < CHOICES_MAX ? nr_taken : CHOICES_MAX;

	memset(&rest.choices, 0, sizeof(rest.choices));
	memcpy(rest.choices.pick, setup->choices.pick + taken,
	       CHOICES_MAX - taken);
	state.inner.expect(&state.model_beside, &state.twin.scenario, &rest);
	twin_project(&state.projected.want, &state.twin,
		     &state.model_beside.want);
	twin_project(&state.projected.care, &state.twin,
		     &state.model_beside.care);
}

/*
 * @want holds what was seen alone; now what the model makes of it. All are
 * @nr words of 32 bits; @want_a and @care_a are the model's alone.
 */
static void turn_words(void *want, void *care, const void *want_a,
		       const void *want_b, const void *care_b, size_t nr)
{
	uint32_t *w = want, *c = care;
	const uint32_t *a = want_a, *b = want_b, *cb = care_b;

	for (size_t i = 0; i < nr; i++) {
		c[i] &= cb[i];
		w[i] ^= (a[i] ^ b[i]) & c[i];
	}
}

static void turn(struct expectation *out)
{
	const struct observation *want_a = &state.model.want;
	const struct expectation *b = &state.projected;

	for (uint32_t i = 0; i < out->want.nr_steps; i++) {
		struct answer *care = &out->care.steps[i].answer;

		turn_words(&out->want.steps[i].answer, care,
			   &want_a->steps[i].answer, &b->want.steps[i].answer,
			   &b->care.steps[i].answer,
			   sizeof(struct answer) / sizeof(uint32_t));
		if (i < state.twin.nr_ops && state.twin.answer_is_open[i])
			memset(care, 0, sizeof(*care));
	}
	for (uint32_t i = 0; i < out->want.nr_states; i++)
		turn_words(&out->want.states[i], &out->care.states[i],
			   &want_a->states[i], &b->want.states[i],
			   &b->care.states[i],
			   sizeof(struct vcpu_state) / sizeof(uint32_t));
}

static void expect(struct expectation *out, const struct scenario *s,
		   const struct model_setup *setup)
{
	state.inner.expect(&state.model, s, setup);
	CHECK(state.alone.nr_steps == state.model.want.nr_steps);
	CHECK(state.alone.nr_states == state.model.want.nr_states);
	observation_copy(&out->want, &state.alone);
	observation_copy(&out->care, &state.model.care);
	out->choices = state.model.choices;
	out->rows = state.model.rows;
	if (!state.has_twin)
		return;
	expect_beside(setup, state.model.choices.nr);
	add_choices(&out->choices, &state.model_beside.choices);
	out->rows |= state.model_beside.rows;
	turn(out);
}

void twin_sides(struct oracle_sides *sides)
{
	state.inner = *sides;
	sides->expect = expect;
	sides->observe = observe;
	sides->context = NULL;
	twin_sides_use(sides, twin_kind_of(0));
}

void twin_sides_use(struct oracle_sides *sides, struct twin_kind kind)
{
	state.kind = kind;
	snprintf(state.label, sizeof(state.label), "twin %s: ", twin_who(kind));
	sides->label = state.label;
}

void twin_sides_print(FILE *out, const struct scenario *s)
{
	static struct twin twin;

	if (!twin_make(&twin, s, state.kind)) {
		fputs("# It has no twin of this kind.\n", out);
		return;
	}
	fputs("# want: what it shows alone; got: what it shows beside "
	      "bystanders, which is:\n",
	      out);
	twin_print(out, &twin);
}
