/* What scenarios tell, predicted with the model in the place of a host. */
#include "fuzz/tell.h"

#include "ref/model.h"
#include "scenario/check.h"

static errata_rows rows_of_kind(enum erratum_kind kind)
{
	errata_rows rows = 0;

	for (uint32_t row = 0; row < ERRATA; row++)
		if (erratum_infos[row].kind == kind)
			rows |= ROW(row);
	return rows;
}

static void run(struct expectation *out, const struct scenario *s,
		errata_rows errata)
{
	const struct model_setup setup = { .errata = { errata },
					   .schedule = SCHEDULE_STRICT };

	model_run(out, s, &setup);
}

/* Of @rows the first that takes the difference at @step away, or ERRATA. */
static uint32_t row_of(const struct scenario *s, uint32_t step,
		       errata_rows expected, errata_rows rows,
		       struct tell_workspace *work)
{
	struct verdict verdict;

	for (uint32_t row = 0; row < ERRATA; row++) {
		if (!(rows >> row & 1))
			continue;
		run(&work->trial, s, expected ^ ROW(row));
		oracle_judge(&verdict, &work->trial, &work->host.want);
		if (verdict.kind == VERDICT_AGREE || verdict.step > step)
			return row;
	}
	return ERRATA;
}

/* @errata is the host's; work->host is it. */
static void tell_host(uint8_t *counters, const struct scenario *s,
		      errata_rows expected, errata_rows errata,
		      struct tell_workspace *work)
{
	errata_rows rows = work->host.rows | work->expected.rows;
	struct verdict verdict;
	uint64_t hash;

	oracle_judge(&verdict, &work->expected, &work->host.want);
	if (verdict.kind == VERDICT_AGREE)
		return;
	oracle_sign(&verdict, s, &work->expected);
	hash = signature_hash(verdict.signature) +
	       row_of(s, verdict.step, expected, rows & (errata ^ expected),
		      work);
	counters[(hash * 0x9e3779b97f4a7c15u >> 32) % TELL_COUNTERS] = 1;
}

/* A host of today; and with all that was mended; and with all backends have. */
void tell(uint8_t counters[TELL_COUNTERS], const struct scenario *s,
	  const struct errata *expected, struct tell_workspace *work)
{
	const errata_rows today = errata_observed().set;
	const errata_rows more[] = {
		rows_of_kind(ERRATUM_KIND_HISTORICAL),
		rows_of_kind(ERRATUM_KIND_BACKEND),
	};

	run(&work->expected, s, expected->set);
	run(&work->host, s, today);
	tell_host(counters, s, expected->set, today, work);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		run(&work->host, s, today | more[i]);
		/* Where they decide nothing it is the same again. */
		if (work->host.rows & more[i])
			tell_host(counters, s, expected->set, today | more[i],
				  work);
	}
}
