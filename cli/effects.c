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
			add(&out->want,
			    want == before ? EFFECT_STAYS : EFFECT_SAME,
			    "%s 0x%02" PRIx32 "%s", kind, vector,
			    how(before, want));
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

	meaning_of_value(was, NULL, a->name, before);
	meaning_of_value(is, NULL, a->name, now);
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

/*
 * Did @now come about by then? Of what was not read before only MP_STATEs are
 * known to, those that no vCPU has when it is new.
 */
static bool has_moved(const struct around *a, uint64_t now)
{
	if (a->has_before)
		return (now ^ a->before) & a->care & a->before_care;
	return !strcmp(a->name, "mp_state") && a->care &&
	       (now == MP_STATE_INIT_RECEIVED || now == MP_STATE_HALTED ||
		now == MP_STATE_SIPI_RECEIVED);
}

static void add_number(struct vcpu_effects *out, const struct around *a)
{
	uint64_t care = a->care, opened = a->before_care & ~a->care;
	bool moved = has_moved(a, a->want);

	if ((a->want ^ a->got) & care) {
		add_value(&out->want, moved ? EFFECT_SAME : EFFECT_STAYS, a,
			  a->before & care, a->want & care);
		add_value(&out->got,
			  moved && !has_moved(a, a->got) ? EFFECT_MISSED :
							   EFFECT_WRONG,
			  a, a->before & care, a->got & care);
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

/*
 * What differs comes first, so that it is among what is shown, and vectors come
 * before what follows from them.
 */
static int rank_of(const struct around *a)
{
	const char *kind;
	uint32_t first;

	return 2 * !((a->want ^ a->got) & a->care) +
	       !meaning_is_vectors(a->name, &first, &kind);
}

void effects_find(struct vcpu_effects *out, const struct report_case *c,
		  const struct moment *moment, uint32_t vcpu)
{
	const struct step *after = &c->work.expected.want.steps[moment->step];
	struct around a;

	memset(out, 0, sizeof(*out));
	if (vcpu >= after->nr_states)
		return;
	if (all_is_open(c, moment, vcpu)) {
		add(&out->want, EFFECT_OPEN, "all of its state");
		return;
	}
	for (int rank = 0; rank < 4; rank++) {
		for (size_t i = 0; i < OBSERVABLES; i++) {
			look_around(&a, c, moment, vcpu, &observables[i]);
			if (rank_of(&a) == rank)
				add_around(out, &a);
		}
	}
}

bool moment_ids_are_32bit(const struct report_case *c,
			  const struct moment *moment)
{
	const struct scenario *s = &c->scenario;
	uint32_t flags = s->config.x2apic_api;

	for (uint32_t i = 0; i < moment->cause && i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_x2apic_api_enable)
			flags |= s->ops[i].as.x2apic_api_enable.flags;
	return flags & X2APIC_API_USE_32BIT_IDS;
}

/* The op that creates @vcpu, which may come after the moment. */
static uint32_t creation_of(const struct scenario *s, uint32_t vcpu)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_vcpu_create && nr++ == vcpu)
			return i;
	return (uint32_t)s->nr_ops;
}

/*
 * The ID that the APIC answers to. In x2APIC mode the page has all of it only
 * with USE_32BIT_IDS; it is the vCPU's, which software cannot change.
 */
static void find_id(struct known_state *state, bool ids_are_32bit)
{
	const uint64_t mode_bits = APICBASE_EN | APICBASE_EXTD;
	uint32_t id = state->value.apic[APIC_REG_id];
	uint32_t known = state->known.apic[APIC_REG_id];

	if ((state->known.apicbase & mode_bits) != mode_bits)
		return;
	switch (apic_mode(state->value.apicbase)) {
	case APIC_MODE_XAPIC:
		state->apic_id = id >> XAPIC_ID_SHIFT;
		state->has_id = known >> XAPIC_ID_SHIFT == 0xff;
		break;
	case APIC_MODE_X2APIC:
		/* No version: KVM did not give the page. */
		if (!ids_are_32bit || !state->value.apic[APIC_REG_version]) {
			id = state->vcpu_id;
			known = UINT32_MAX;
		}
		state->apic_id = id;
		state->has_id = known == UINT32_MAX;
		break;
	case APIC_MODE_OFF:
	case APIC_MODE_INVALID:
		break;
	}
}

static bool is_refused(const struct report_case *c, const struct moment *moment,
		       uint32_t creation)
{
	return creation <= moment->step &&
	       !c->work.expected.want.steps[creation].answer.accepted &&
	       !c->work.got.steps[creation].answer.accepted;
}

void known_state_find(struct known_state *out, const struct report_case *c,
		      const struct moment *moment, uint32_t vcpu)
{
	const struct expectation *e = &c->work.expected;
	uint32_t creation = creation_of(&c->scenario, vcpu);
	const struct step *from = moment->before;

	memset(out, 0, sizeof(*out));
	if (creation >= c->scenario.nr_ops)
		return;
	out->vcpu_id = c->scenario.ops[creation].as.vcpu_create.vcpu_id;
	out->refused = is_refused(c, moment, creation);
	if (!from || vcpu >= from->nr_states) {
		from = &e->want.steps[moment->step];
		out->fresh = true;
	}
	out->exists = vcpu < from->nr_states && !out->refused;
	if (!out->exists)
		return;
	out->value = *observation_state_const(&e->want, from, vcpu);
	out->known = *observation_state_const(&e->care, from, vcpu);
	find_id(out, moment_ids_are_32bit(c, moment));
}
