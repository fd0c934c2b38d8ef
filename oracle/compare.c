/*
 * Comparing recordings. The first is judged to be right, and the second to
 * differ from it; then the model, which must agree with the first, says which
 * rows make it agree with the second.
 */
#include "oracle/compare.h"

#include <string.h>

#include "oracle/examine.h"

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	const struct expectation *recorded = context;

	(void)s;
	(void)schedule;
	observation_copy(out, &recorded->want);
}

/* The model under the first one's errata, against @recorded. */
static void settle(struct verdict *out, struct oracle_sides *sides,
		   const struct scenario *s, const struct expectation *recorded,
		   struct oracle_workspace *work)
{
	sides->known = &recorded->care;
	observation_copy(&work->got, &recorded->want);
	oracle_settle(out, sides, s, &sides->errata, SCHEDULE_STRICT, work);
}

/* Of explanations that are as good as one another. */
static struct errata choose(const struct verdict *v,
			    const struct oracle_sides *sides)
{
	errata_rows changed = sides->errata.set ^ sides->usual.set;

	for (uint32_t i = 0; i < v->nr_explanations && i < EXPLANATIONS_MAX;
	     i++)
		if (!(v->explanations[i].set & ~changed))
			return v->explanations[i];
	return v->explanations[0];
}

static void explain(struct change *out, struct oracle_sides *sides,
		    const struct recorded_pair *pair, const struct scenario *s,
		    struct oracle_workspace *work)
{
	struct verdict verdict;

	settle(&out->model, sides, s, pair->was, work);
	if (out->model.kind != VERDICT_AGREE) {
		out->kind = CHANGE_MODEL_FAILS;
		return;
	}
	settle(&verdict, sides, s, pair->now, work);
	if (verdict.kind == VERDICT_AGREE) {
		out->kind = CHANGE_OPEN;
		return;
	}
	oracle_sign(&verdict, s, &work->expected);
	oracle_attribute(&verdict, sides, s, SCHEDULE_STRICT, work);
	out->kind = CHANGE_UNEXPLAINED;
	out->perhaps = verdict.perhaps;
	if (verdict.kind != VERDICT_EXPLAINED)
		return;
	out->kind = CHANGE_EXPLAINED;
	out->rows = choose(&verdict, sides);
}

void oracle_compare(struct change *out, const struct oracle_sides *sides,
		    const struct recorded_pair *pair, const struct scenario *s,
		    struct oracle_workspace *work)
{
	struct oracle_sides recorded = *sides;

	memset(out, 0, sizeof(*out));
	recorded.observe = observe;
	recorded.context = (void *)pair->now;
	observation_copy(&work->expected.want, &pair->was->want);
	observation_copy(&work->expected.care, &pair->was->care);
	work->expected.rows = 0;
	oracle_keep_known(&work->expected.care, &pair->now->care);
	oracle_judge(&out->verdict, &work->expected, &pair->now->want);
	if (out->verdict.kind == VERDICT_AGREE)
		return;
	oracle_sign(&out->verdict, s, &work->expected);
	explain(out, &recorded, pair, s, work);
}
