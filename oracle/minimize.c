/* Minimal scenarios that give the same verdict. */
#include "oracle/minimize.h"

#include <string.h>

#include "scenario/check.h"

/* What an examination costs: so many runs, a vCPU in each as twenty ops. */
enum { RUNS = 4, VCPU_COST = 20 };

struct minimizing {
	const struct oracle_sides *sides;
	const struct minimize_task *task;
	struct oracle_workspace *work;
	struct verdict *verdict; /* of what there is */
	long spent;
};

/* Examining is what confirms: what differs is run again on fresh machines. */
static bool gives_the_same(void *context, const struct scenario *s)
{
	struct minimizing *now = context;
	const struct minimize_task *task = now->task;
	struct verdict trial;

	if (task->budget && now->spent > task->budget)
		return false;
	if (task->may_run && !task->may_run(task->context, s))
		return false;
	now->spent +=
		RUNS *
		(long)(s->nr_ops + VCPU_COST * scenario_nr_vcpus(s, s->nr_ops));
	oracle_examine(&trial, now->sides, s, now->work);
	if (trial.kind != now->verdict->kind ||
	    strcmp(trial.signature, now->verdict->signature))
		return false;
	if (now->work->minimizer.in_fields && trial.rows & ~now->verdict->rows)
		return false;
	*now->verdict = trial;
	if (task->tell)
		task->tell(task->context, s, &trial);
	return true;
}

void oracle_minimize(struct scenario *s, struct verdict *verdict,
		     const struct oracle_sides *sides,
		     const struct minimize_task *task,
		     struct oracle_workspace *work)
{
	struct minimizing now = {
		.sides = sides, .task = task, .work = work, .verdict = verdict
	};

	CHECK(verdict->kind != VERDICT_AGREE && verdict->signature[0]);
	work->minimizer.holds = gives_the_same;
	work->minimizer.context = &now;
	work->minimizer.depth = task->depth;
	work->minimizer.in_fields = false;
	scenario_minimize(&work->minimizer, s);
}
