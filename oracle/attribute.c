/*
 * Attribution: which errata, switched, make both sides agree? Single rows
 * first, then pairs, that move the first difference away; where that leaves a
 * later one, on from there. What gets furthest wins, and ties are listed. What
 * takes more than two rows is looked for in the set that hosts usually have.
 */
#include <stdio.h>
#include <string.h>

#include "oracle/examine.h"
#include "oracle/explain.h"

/* One more than this many causes in one scenario, and it is a finding. */
enum { LINKS_MAX = 8 };

struct search {
	const struct oracle_sides *sides;
	const struct scenario *s;
	enum schedule schedule;
	struct oracle_workspace *work;
	/* The set so far, and how the model under it differs. */
	struct errata errata;
	uint32_t step;
	struct verdict now;
	/* The best candidates for what is to be switched next. */
	uint32_t best_step;
	uint32_t nr_best; /* may exceed the array */
	struct errata best[EXPLANATIONS_MAX];
	struct errata perhaps; /* the first that leave it open */
};

/* The mask of what is promised of the thing that @d is about. */
static uint64_t care_of(const struct expectation *e, uint32_t step,
			const struct difference *d)
{
	const struct step *at = &e->care.steps[step];

#define ANSWER(type, part)                          \
	if (d->vcpu < 0 && !strcmp(d->name, #part)) \
		return at->answer.part;
#include "scenario/answers.def"
	for (size_t i = 0; i < OBSERVABLES; i++)
		if (!strcmp(observables[i].name, d->name))
			return observable_get(
				&observables[i],
				observation_state_const(&e->care, at,
							(uint32_t)d->vcpu));
	return 0;
}

/*
 * What is not promised any more has not been explained: rows are left out
 * that only make it uncertain what should be seen.
 */
static bool is_still_promised(const struct search *search)
{
	const struct difference *d = &search->now.differences[0];
	uint64_t bits = d->want ^ d->got;

	return (care_of(&search->work->expected, search->step, d) & bits) ==
	       bits;
}

/* Does switching @rows explain the first difference? How far does it get? */
static bool explains(struct search *search, errata_rows rows,
		     uint32_t *out_step)
{
	struct errata errata = { search->errata.set ^ rows };
	struct verdict trial;

	oracle_settle(&trial, search->sides, search->s, &errata,
		      search->schedule, search->work);
	*out_step = trial.kind == VERDICT_AGREE ? UINT32_MAX : trial.step;
	if (*out_step <= search->step)
		return false;
	if (is_still_promised(search))
		return true;
	if (!search->perhaps.set)
		search->perhaps.set = rows;
	return false;
}

static void try_rows(struct search *search, errata_rows rows)
{
	uint32_t step;

	if (!explains(search, rows, &step) || step < search->best_step)
		return;
	if (step > search->best_step)
		search->nr_best = 0;
	search->best_step = step;
	if (search->nr_best < EXPLANATIONS_MAX)
		search->best[search->nr_best].set = rows;
	search->nr_best++;
}

/* Of @rows, which explain, none that can be left out. */
static void try_fewer(struct search *search, errata_rows rows)
{
	uint32_t step;

	for (uint32_t row = 0; row < ROWS_MAX; row++)
		if (rows >> row & 1 &&
		    explains(search, rows & ~ROW(row), &step))
			rows &= ~ROW(row);
	try_rows(search, rows);
}

/* The usual set, and with one more of its rows switched. */
static void try_usual(struct search *search)
{
	errata_rows switchable = search->sides->switchable.set;
	errata_rows rows = (search->errata.set ^ search->sides->usual.set) &
			   switchable;
	uint32_t step;

	if (!search->sides->usual.set)
		return;
	if (explains(search, rows, &step))
		try_fewer(search, rows);
	for (uint32_t row = 0; row < ROWS_MAX && !search->nr_best; row++)
		if (switchable >> row & 1 &&
		    explains(search, rows ^ ROW(row), &step))
			try_fewer(search, rows ^ ROW(row));
}

/* Single rows, pairs where no single one does, then more. */
static bool find_best(struct search *search)
{
	errata_rows switchable = search->sides->switchable.set;

	search->best_step = 0;
	search->nr_best = 0;
	search->perhaps.set = 0;
	for (uint32_t row = 0; row < ROWS_MAX; row++)
		if (switchable >> row & 1)
			try_rows(search, ROW(row));
	for (uint32_t a = 0; a < ROWS_MAX && !search->nr_best; a++)
		for (uint32_t b = a + 1; b < ROWS_MAX; b++)
			if (switchable >> a & switchable >> b & 1)
				try_rows(search, ROW(a) | ROW(b));
	if (!search->nr_best)
		try_usual(search);
	return search->nr_best > 0;
}

void explanation_text(char *out, size_t cap, const struct errata *explanation,
		      const struct errata *active,
		      const char *(*row_name)(uint32_t row))
{
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t row = 0; row < ROWS_MAX && len < cap; row++) {
		if (!(explanation->set >> row & 1))
			continue;
		len += (size_t)snprintf(out + len, cap - len, "%s%c%s",
					len ? " " : "",
					active->set >> row & 1 ? '-' : '+',
					row_name(row));
	}
}

/* What nothing explains, though the differences before it were explained. */
static void name_what_is_left(struct verdict *verdict, struct search *search)
{
	struct oracle_sides switched = *search->sides;
	struct oracle_workspace *work = search->work;
	const struct verdict first = *verdict;
	uint32_t cause;

	switched.errata = search->errata;
	cause = oracle_find_cause(&switched, search->s, search->step, work);
	switched.observe(switched.context, &work->got, search->s,
			 search->schedule);
	oracle_settle(verdict, &switched, search->s, &search->errata,
		      search->schedule, work);
	/* Gone this time: then what was seen first stands as it is. */
	if (verdict->kind != VERDICT_DIVERGE) {
		*verdict = first;
		return;
	}
	verdict->cause = verdict->step == search->step ? cause : verdict->step;
	oracle_sign(verdict, search->s, &work->expected);
}

/*
 * From candidate @rows on, along the scenario: does everything get explained?
 * Where it does not, @search is left at what is not.
 */
static bool follow(struct search *search, struct errata rows, uint32_t step)
{
	search->errata.set ^= rows.set;
	search->step = step;
	for (uint32_t link = 1; search->step != UINT32_MAX; link++) {
		oracle_settle(&search->now, search->sides, search->s,
			      &search->errata, search->schedule, search->work);
		if (link == LINKS_MAX || !find_best(search))
			return false;
		search->errata.set ^= search->best[0].set;
		search->step = search->best_step;
	}
	return true;
}

/* EXPLAINED, by what @search has as best, of which @which leads to the end. */
static void set_explained(struct verdict *verdict, const struct search *search,
			  uint32_t which)
{
	size_t len = strlen(verdict->signature);

	verdict->kind = VERDICT_EXPLAINED;
	verdict->nr_explanations = search->nr_best;
	memcpy(verdict->explanations, search->best,
	       sizeof(verdict->explanations));
	verdict->explanations[which] = search->best[0];
	verdict->explanations[0] = search->best[which];
	if (len + 2 >= sizeof(verdict->signature))
		return;
	verdict->signature[len++] = ' ';
	explanation_text(verdict->signature + len,
			 sizeof(verdict->signature) - len,
			 &verdict->explanations[0], &search->sides->errata,
			 search->sides->row_name);
}

void oracle_attribute(struct verdict *verdict, const struct oracle_sides *sides,
		      const struct scenario *s, enum schedule schedule,
		      struct oracle_workspace *work)
{
	struct search search = { .sides = sides,
				 .s = s,
				 .schedule = schedule,
				 .work = work,
				 .errata = sides->errata,
				 .step = verdict->step,
				 .now = *verdict };
	struct search stuck = { 0 };

	if (!find_best(&search)) {
		verdict->perhaps = search.perhaps;
		return;
	}
	for (uint32_t i = 0; i < search.nr_best && i < EXPLANATIONS_MAX; i++) {
		struct search trial = search;

		if (follow(&trial, search.best[i], search.best_step)) {
			set_explained(verdict, &search, i);
			return;
		}
		if (!i)
			stuck = trial;
	}
	name_what_is_left(verdict, &stuck);
	verdict->perhaps = stuck.perhaps;
}
