/*
 * Attribution: which errata, switched, make both sides agree? Single rows
 * first, then pairs; the smallest explanations win, and ties are listed.
 */
#include <stdio.h>
#include <string.h>

#include "oracle/oracle.h"

enum { ROWS_MAX = 64 };

struct search {
	struct verdict *verdict;
	const struct oracle_sides *sides;
	const struct scenario *s;
	enum schedule schedule;
	struct oracle_workspace *work;
};

/* Do both sides agree with @rows switched? Then that is an explanation. */
static bool explains(struct search *search, uint64_t rows)
{
	struct errata errata = { search->sides->errata.set ^ rows };
	struct verdict *verdict = search->verdict;
	struct verdict trial;

	oracle_settle(&trial, search->sides, search->s, &errata,
		      search->schedule, search->work);
	if (trial.kind != VERDICT_AGREE)
		return false;
	if (verdict->nr_explanations < EXPLANATIONS_MAX)
		verdict->explanations[verdict->nr_explanations].set = rows;
	verdict->nr_explanations++;
	return true;
}

static bool try_singles(struct search *search, uint64_t switchable)
{
	bool any = false;

	for (uint32_t row = 0; row < ROWS_MAX; row++)
		if (switchable >> row & 1)
			any |= explains(search, 1ull << row);
	return any;
}

static bool try_pairs(struct search *search, uint64_t switchable)
{
	bool any = false;

	for (uint32_t a = 0; a < ROWS_MAX; a++) {
		for (uint32_t b = a + 1; b < ROWS_MAX; b++) {
			uint64_t rows = 1ull << a | 1ull << b;

			if ((switchable & rows) == rows)
				any |= explains(search, rows);
		}
	}
	return any;
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

void oracle_attribute(struct verdict *verdict, const struct oracle_sides *sides,
		      const struct scenario *s, enum schedule schedule,
		      struct oracle_workspace *work)
{
	struct search search = { verdict, sides, s, schedule, work };
	size_t len = strlen(verdict->signature);

	if (!try_singles(&search, sides->switchable.set) &&
	    !try_pairs(&search, sides->switchable.set))
		return;
	verdict->kind = VERDICT_EXPLAINED;
	if (len + 2 >= sizeof(verdict->signature))
		return;
	verdict->signature[len++] = ' ';
	explanation_text(verdict->signature + len,
			 sizeof(verdict->signature) - len,
			 &verdict->explanations[0], &sides->errata,
			 sides->row_name);
}
