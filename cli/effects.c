/*
 * What a step did to each vCPU, on either side: the states before and after it,
 * bit by bit where each bit is a vector, else value by value.
 */
#include "cli/effects.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/page.h"

bool moment_find(struct moment *out, const struct report_case *c)
{
	const struct observation *want = &c->work.expected.want;
	struct verdict now;

	memset(out, 0, sizeof(*out));
	if (c->not_run[0] || c->verdict.kind == VERDICT_AGREE)
		return false;
	oracle_judge(&now, &c->work.expected, &c->work.got);
	if (now.kind == VERDICT_AGREE)
		return false;
	out->step = now.step;
	out->cause = now.step;
	if (c->verdict.kind != VERDICT_FLAKY && c->verdict.step == now.step)
		out->cause = c->verdict.cause;
	for (uint32_t i = 0; i < now.step; i++)
		if (want->steps[i].nr_states)
			out->before = &want->steps[i];
	return true;
}

/* One observable of one vCPU around the moment. */
struct around {
	const char *name;
	bool has_before;
	uint64_t before, before_care, before_got;
	uint64_t want, care, got;
};

/* MP_STATE is read now and then only: the last time that it was. */
static const struct step *last_read(const struct report_case *c,
				    const struct moment *moment, uint32_t vcpu,
				    const struct observable *o)
{
	const struct observation *care = &c->work.expected.care;
	const struct step *found = NULL;

	if (strcmp(o->name, "mp_state") != 0)
		return moment->before && vcpu < moment->before->nr_states ?
			       moment->before :
			       NULL;
	for (uint32_t i = 0; i < moment->step; i++) {
		const struct step *step = &c->work.expected.want.steps[i];

		if (vcpu < step->nr_states &&
		    observation_state_const(care, step, vcpu)->mp_state)
			found = step;
	}
	return found;
}

static void look_around(struct around *out, const struct report_case *c,
			const struct moment *moment, uint32_t vcpu,
			const struct observable *o)
{
	const struct expectation *e = &c->work.expected;
	const struct step *after = &e->want.steps[moment->step];
	const struct step *before = last_read(c, moment, vcpu, o);

	memset(out, 0, sizeof(*out));
	out->name = o->name;
	out->want = observable_get(o, observation_state_const(&e->want, after,
							      vcpu));
	out->care = observable_get(o, observation_state_const(&e->care, after,
							      vcpu));
	out->got = observable_get(o, observation_state_const(&c->work.got,
							     after, vcpu));
	if (!before)
		return;
	out->has_before = true;
	out->before = observable_get(o, observation_state_const(&e->want,
								before, vcpu));
	out->before_care = observable_get(
		o, observation_state_const(&e->care, before, vcpu));
	out->before_got = observable_get(
		o, observation_state_const(&c->work.got, before, vcpu));
}

__attribute__((format(printf, 3, 4))) static void
add(struct effects *to, enum effect_kind kind, const char *format, ...)
{
	va_list args;

	if (to->nr < EFFECTS_MAX) {
		va_start(args, format);
		vsnprintf(to->list[to->nr].text, EFFECT_MAX, format, args);
		va_end(args);
		to->list[to->nr].kind = kind;
	}
	to->nr++;
}

/* A vector came, went or was there all the time. */
static const char *how(bool before, bool now)
{
	return before == now ? (now ? " stays" : " stays clear") :
	       now	     ? "" :
			       " cleared";
}

static void add_vector(struct vcpu_effects *out, const struct around *a,
		       const char *kind, uint32_t first, uint32_t bit)
{
	bool before = a->before >> bit & 1,
	     got_before = a->before_got >> bit & 1;
	bool want = a->want >> bit & 1, got = a->got >> bit & 1;
	uint32_t vector = first + bit;

	if (!(a->care >> bit & 1)) {
		if (a->before_care >> bit & 1)
			add(&out->want, EFFECT_OPEN, "%s 0x%02" PRIx32, kind,
			    vector);
		if (got != got_before)
			add(&out->got, EFFECT_SAME, "%s 0x%02" PRIx32 "%s",
			    kind, vector, how(got_before, got));
	} else if (want == got) {
		if (want == before)
			return;
		add(&out->want, EFFECT_SAME, "%s 0x%02" PRIx32 "%s", kind,
		    vector, how(before, want));
		add(&out->got, EFFECT_SAME, "%s 0x%02" PRIx32 "%s", kind,
		    vector, how(before, got));
	} else {
		if (want || before)
			add(&out->want, EFFECT_SAME, "%s 0x%02" PRIx32 "%s",
			    kind, vector, how(before, want));
		add(&out->got, want ? EFFECT_LOST : EFFECT_EXTRA,
		    "%s 0x%02" PRIx32 "%s", kind, vector,
		    got && before ? " stays" : "");
	}
}

static void add_vectors(struct vcpu_effects *out, const struct around *a,
			const char *kind, uint32_t first)
{
	for (uint32_t bit = 0; bit < 32; bit++)
		add_vector(out, a, kind, first, bit);
}

static const char *short_name(const char *name)
{
	return strncmp(name, "apic_", 5) ? name : name + 5;
}

/* "ppr 0x0 -> 0x40", or with the words for the values. */
static void add_value(struct effects *to, enum effect_kind kind,
		      const struct around *a, uint64_t before, uint64_t now)
{
	const char *name = short_name(a->name);
	char was[MEANING_MAX], is[MEANING_MAX];

	meaning_of_value(was, a->name, before);
	meaning_of_value(is, a->name, now);
	if (!is[0] || strcmp(a->name, "mp_state") != 0) {
		snprintf(was, sizeof(was), "0x%" PRIx64, before);
		snprintf(is, sizeof(is), "0x%" PRIx64, now);
	}
	if (!a->has_before)
		add(to, kind, "%s = %.30s", name, is);
	else if (before == now)
		add(to, kind, "%s stays %.30s", name, is);
	else
		add(to, kind, "%s %.24s \xe2\x86\x92 %.24s", name, was, is);
}

/* MP_STATEs that no vCPU has when it is new. */
static bool is_event(const struct around *a)
{
	return !strcmp(a->name, "mp_state") &&
	       (a->want == MP_STATE_INIT_RECEIVED ||
		a->want == MP_STATE_HALTED ||
		a->want == MP_STATE_SIPI_RECEIVED);
}

static void add_number(struct vcpu_effects *out, const struct around *a)
{
	uint64_t care = a->care, known = a->care & a->before_care;
	uint64_t opened = a->before_care & ~a->care;
	bool moved = a->has_before ? (a->want ^ a->before) & known :
				     care && is_event(a);

	if ((a->want ^ a->got) & care) {
		add_value(&out->want, EFFECT_SAME, a, a->before & care,
			  a->want & care);
		add_value(&out->got, EFFECT_WRONG, a, a->before & care,
			  a->got & care);
	} else if (moved) {
		add_value(&out->want, EFFECT_SAME, a, a->before & care,
			  a->want & care);
		add_value(&out->got, EFFECT_SAME, a, a->before & care,
			  a->got & care);
	} else if (opened && strcmp(a->name, "mp_state") != 0) {
		add(&out->want, EFFECT_OPEN, "%s", short_name(a->name));
		if (a->got != a->before_got)
			add_value(&out->got, EFFECT_SAME, a, a->before_got,
				  a->got);
	}
}

static void add_around(struct vcpu_effects *out, const struct around *a)
{
	const char *kind;
	uint32_t first;

	out->differs |= ((a->want ^ a->got) & a->care) != 0;
	if (meaning_is_vectors(a->name, &first, &kind))
		add_vectors(out, a, kind, first);
	else
		add_number(out, a);
}

/* Is nothing promised of it any more? */
static bool all_is_open(const struct report_case *c,
			const struct moment *moment, uint32_t vcpu)
{
	static const struct vcpu_state nothing;
	const struct observation *care = &c->work.expected.care;
	const struct step *after = &c->work.expected.want.steps[moment->step];

	return !memcmp(observation_state_const(care, after, vcpu), &nothing,
		       sizeof(nothing));
}

/* What differs comes first, so that it is among what is shown. */
static void find(struct vcpu_effects *out, const struct report_case *c,
		 const struct moment *moment, uint32_t vcpu, bool that_differs)
{
	for (size_t i = 0; i < OBSERVABLES; i++) {
		struct around a;

		look_around(&a, c, moment, vcpu, &observables[i]);
		if ((((a.want ^ a.got) & a.care) != 0) == that_differs)
			add_around(out, &a);
	}
}

void effects_find(struct vcpu_effects *out, const struct report_case *c,
		  const struct moment *moment, uint32_t vcpu)
{
	const struct step *after = &c->work.expected.want.steps[moment->step];

	memset(out, 0, sizeof(*out));
	if (vcpu >= after->nr_states)
		return;
	if (all_is_open(c, moment, vcpu)) {
		add(&out->want, EFFECT_OPEN, "all of its state");
		return;
	}
	find(out, c, moment, vcpu, true);
	find(out, c, moment, vcpu, false);
}

/* The answer that its vcpu_create got; NULL: there is none before the end. */
static const struct answer *creation(const struct report_case *c,
				     const struct moment *moment, uint32_t vcpu,
				     bool is_got)
{
	const struct observation *from = is_got ? &c->work.got :
						  &c->work.expected.want;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < c->scenario.nr_ops && i <= moment->step; i++)
		if (c->scenario.ops[i].kind == OP_vcpu_create && nr++ == vcpu)
			return &from->steps[i].answer;
	return NULL;
}

void known_state_find(struct known_state *out, const struct report_case *c,
		      const struct moment *moment, uint32_t vcpu)
{
	const struct expectation *e = &c->work.expected;
	const struct answer *want = creation(c, moment, vcpu, false);
	const struct answer *got = creation(c, moment, vcpu, true);
	const struct step *from = moment->before;

	memset(out, 0, sizeof(*out));
	out->refused = want && got && !want->accepted && !got->accepted;
	if (!from || vcpu >= from->nr_states) {
		from = &e->want.steps[moment->step];
		out->fresh = true;
	}
	out->exists = vcpu < from->nr_states && !out->refused;
	if (!out->exists)
		return;
	out->value = *observation_state_const(&e->want, from, vcpu);
	out->known = *observation_state_const(&e->care, from, vcpu);
}
