/* Running both sides until a difference is believed, named and short. */
#include "oracle/examine.h"

#include <stdio.h>
#include <string.h>

#include "scenario/check.h"

/*
 * How many lists of choices are tried. When only the end is seen no wrong list
 * is cut short, so few; when every step is, wrong beginnings are left early.
 */
enum { LISTS_FAST_MAX = 64, LISTS_STRICT_MAX = 4096 };

bool oracle_next_choices(struct choices *list, const struct choices *tried,
			 uint32_t step)
{
	uint32_t nr = tried->nr < CHOICES_MAX ? tried->nr : CHOICES_MAX;

	for (uint32_t i = nr; i-- > 0;) {
		if (tried->step[i] > step ||
		    tried->pick[i] + 1 >= tried->alternatives[i])
			continue;
		memset(list, 0, sizeof(*list));
		memcpy(list->pick, tried->pick, i);
		list->pick[i] = (uint8_t)(tried->pick[i] + 1);
		return true;
	}
	return false;
}

void oracle_keep_known(struct observation *care,
		       const struct observation *known)
{
	for (uint32_t i = 0; i < care->nr_steps; i++) {
#define ANSWER(type, name) \
	care->steps[i].answer.name &= known->steps[i].answer.name;
#include "scenario/answers.def"
	}
	for (uint32_t i = 0; i < care->nr_states; i++) {
		uint64_t *to = (uint64_t *)&care->states[i];
		const uint64_t *from = (const uint64_t *)&known->states[i];

		for (size_t w = 0; w < sizeof(care->states[i]) / sizeof(*to);
		     w++)
			to[w] &= from[w];
	}
}

static void expect(const struct oracle_sides *sides, const struct scenario *s,
		   const struct model_setup *setup,
		   struct oracle_workspace *work)
{
	sides->expect(&work->expected, s, setup);
	if (sides->known)
		oracle_keep_known(&work->expected.care, sides->known);
}

void oracle_settle(struct verdict *out, const struct oracle_sides *sides,
		   const struct scenario *s, const struct errata *errata,
		   enum schedule schedule, struct oracle_workspace *work)
{
	uint32_t lists_max = schedule == SCHEDULE_STRICT ? LISTS_STRICT_MAX :
							   LISTS_FAST_MAX;
	struct model_setup setup = { *errata, schedule, { 0 } };
	struct choices best = { 0 };
	struct verdict verdict;
	uint32_t longest = 0;

	for (uint32_t tried = 0; tried < lists_max; tried++) {
		expect(sides, s, &setup, work);
		oracle_judge(&verdict, &work->expected, &work->got);
		verdict.under = *errata;
		if (!tried || verdict.step > longest ||
		    verdict.kind == VERDICT_AGREE) {
			*out = verdict;
			best = setup.choices;
			longest = verdict.step;
		}
		if (verdict.kind == VERDICT_AGREE)
			return;
		if (!oracle_next_choices(&setup.choices,
					 &work->expected.choices, verdict.step))
			break;
	}
	setup.choices = best;
	expect(sides, s, &setup, work);
}

static void observe_and_settle(struct verdict *out,
			       const struct oracle_sides *sides,
			       const struct scenario *s, enum schedule schedule,
			       struct oracle_workspace *work)
{
	sides->observe(sides->context, &work->got, s, schedule);
	oracle_settle(out, sides, s, &sides->errata, schedule, work);
}

/* Does the scenario's beginning of @nr ops differ at its own end? */
static bool beginning_differs(const struct oracle_sides *sides,
			      const struct scenario *s, uint32_t nr,
			      struct oracle_workspace *work)
{
	struct verdict verdict;

	work->trial = *s;
	work->trial.nr_ops = nr;
	observe_and_settle(&verdict, sides, &work->trial, SCHEDULE_FRESH, work);
	return verdict.kind != VERDICT_AGREE;
}

static bool only_reads(const struct scenario *s, uint32_t step)
{
	return step >= s->nr_ops || s->ops[step].kind == OP_observe;
}

/*
 * Some effects show only where the state is read, an INIT's at the end. The
 * op that has one turns a beginning of the scenario that agrees at its own
 * end into one that differs. All @step ops differ; none agree.
 */
uint32_t oracle_find_cause(const struct oracle_sides *sides,
			   const struct scenario *s, uint32_t step,
			   struct oracle_workspace *work)
{
	uint32_t agree = 0, differ = step;

	if (sides->known || !only_reads(s, step))
		return step;

	while (differ - agree > 1) {
		uint32_t middle = agree + (differ - agree) / 2;

		if (beginning_differs(sides, s, middle, work))
			differ = middle;
		else
			agree = middle;
	}
	return differ ? differ - 1 : 0;
}

/*
 * A difference that was gone when repeated: it is kept, but apart. @why: what
 * had the difference, and does not repeat it.
 */
static void mark_flaky(struct verdict *v, const char *why)
{
	v->kind = VERDICT_FLAKY;
	snprintf(v->signature, sizeof(v->signature), "%s %s", why,
		 v->differences[0].name);
}

/*
 * A difference was seen on a fresh machine: see it again, if possible with
 * every step read, and name it. False: it is gone.
 */
static bool localise(struct verdict *out, const struct oracle_sides *sides,
		     const struct scenario *s, struct oracle_workspace *work)
{
	enum schedule schedule = SCHEDULE_STRICT;
	struct verdict verdict;
	uint32_t cause;

	observe_and_settle(&verdict, sides, s, schedule, work);
	if (verdict.kind == VERDICT_AGREE) {
		schedule = SCHEDULE_FRESH;
		observe_and_settle(&verdict, sides, s, schedule, work);
	}
	if (verdict.kind == VERDICT_AGREE)
		return false;
	cause = oracle_find_cause(sides, s, verdict.step, work);
	if (cause != verdict.step)
		observe_and_settle(&verdict, sides, s, schedule, work);
	if (verdict.kind == VERDICT_AGREE)
		return false;
	*out = verdict;
	out->cause = cause;
	oracle_sign(out, s, &work->expected);
	oracle_attribute(out, sides, s, schedule, work);
	return true;
}

/*
 * Did the fast schedule differ only because too few lists of choices were
 * tried? Step by step wrong ones are left early; the list that is found must
 * explain the fast schedule too.
 */
static bool choices_explain(const struct oracle_sides *sides,
			    const struct scenario *s,
			    struct oracle_workspace *work)
{
	struct model_setup setup = { sides->errata, SCHEDULE_FRESH, { 0 } };
	struct verdict verdict;

	if (work->expected.choices.nr == 0)
		return false;
	observe_and_settle(&verdict, sides, s, SCHEDULE_STRICT, work);
	if (verdict.kind != VERDICT_AGREE)
		return false;
	setup.choices = work->expected.choices;
	sides->observe(sides->context, &work->got, s, SCHEDULE_FRESH);
	sides->expect(&work->expected, s, &setup);
	oracle_judge(&verdict, &work->expected, &work->got);
	return verdict.kind == VERDICT_AGREE;
}

static void put_label(struct verdict *v, const char *label)
{
	char signature[SIGNATURE_MAX];

	snprintf(signature, sizeof(signature), "%s", v->signature);
	snprintf(v->signature, sizeof(v->signature), "%s%s", label, signature);
}

static void examine(struct verdict *out, const struct oracle_sides *sides,
		    const struct scenario *s, struct oracle_workspace *work)
{
	struct verdict fresh;

	observe_and_settle(out, sides, s, SCHEDULE_FAST, work);
	if (out->kind == VERDICT_AGREE)
		return;
	observe_and_settle(&fresh, sides, s, SCHEDULE_FRESH, work);
	if (fresh.kind == VERDICT_AGREE) {
		mark_flaky(out, "not on a fresh VM:");
		return;
	}
	*out = fresh;
	if (choices_explain(sides, s, work))
		out->kind = VERDICT_AGREE;
	else if (!localise(out, sides, s, work))
		mark_flaky(out, "flaky");
}

void oracle_examine(struct verdict *out, const struct oracle_sides *sides,
		    const struct scenario *s, struct oracle_workspace *work)
{
	examine(out, sides, s, work);
	if (out->kind != VERDICT_AGREE && sides->label)
		put_label(out, sides->label);
}

void oracle_show(struct verdict *out, const struct oracle_sides *sides,
		 const struct scenario *s, const struct verdict *v,
		 struct oracle_workspace *work)
{
	struct oracle_sides told = *sides;

	told.errata = v->under;
	observe_and_settle(out, &told, s, SCHEDULE_STRICT, work);
	if (out->kind == VERDICT_AGREE)
		observe_and_settle(out, &told, s, SCHEDULE_FRESH, work);
}
