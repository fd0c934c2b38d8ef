/* Two recordings side by side: who has what, and what changed. */
#include "cli/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "oracle/explain.h"
#include "scenario/check.h"

/* One more of @nr things of @size, zeroed. */
static void *one_more(void *list, size_t nr, size_t size)
{
	char *more = memory_there(realloc(list, (nr + 1) * size));

	memset(more + nr * size, 0, size);
	return more;
}

static void leave_out(struct comparison *c, const char *name, const char *why,
		      const char *reason)
{
	struct left_out *left;

	c->left_out = one_more(c->left_out, c->nr_left_out, sizeof(*left));
	left = &c->left_out[c->nr_left_out++];
	snprintf(left->name, sizeof(left->name), "%s", name);
	snprintf(left->why, sizeof(left->why), "%s%s", why, reason);
}

static void describe_place(char out[SIGNATURE_MAX], const struct scenario *s,
			   uint32_t step)
{
	FILE *file;

	snprintf(out, SIGNATURE_MAX, "at the end");
	if (step >= s->nr_ops)
		return;
	file = fmemopen(out, SIGNATURE_MAX, "w");
	CHECK(file);
	fprintf(file, "op %u, ", step + 1);
	op_print(file, &s->ops[step]);
	CHECK(fclose(file) == 0);
}

/* What a group has that a change belongs to. */
static void fill_group(struct change_group *out, const struct change *change,
		       const struct errata *was)
{
	const struct errata *rows = change->kind == CHANGE_EXPLAINED ?
					    &change->rows :
					    &change->perhaps;
	const struct difference *d = &change->model.differences[0];

	memset(out, 0, sizeof(*out));
	out->kind = change->kind;
	memcpy(out->signature, change->verdict.signature,
	       sizeof(out->signature));
	if (change->kind == CHANGE_MODEL_FAILS)
		snprintf(out->rows, sizeof(out->rows), "%s", d->name);
	else
		explanation_text(out->rows, sizeof(out->rows), rows, was,
				 erratum_name);
}

static bool is_of(const struct change_group *a, const struct change_group *b)
{
	return a->kind == b->kind && !strcmp(a->signature, b->signature) &&
	       !strcmp(a->rows, b->rows);
}

static void add_change(struct comparison *c, const struct change *change)
{
	const struct recording_entry *entry = &c->was.entry;
	struct change_group made, *group;
	size_t i = 0;

	fill_group(&made, change, &c->was.errata);
	while (i < c->nr_groups && !is_of(&c->groups[i], &made))
		i++;
	if (i == c->nr_groups) {
		c->groups = one_more(c->groups, c->nr_groups++, sizeof(made));
		c->groups[i] = made;
	}
	group = &c->groups[i];
	if (group->nr++ && entry->scenario.nr_ops >= group->nr_ops)
		return;
	snprintf(group->example, sizeof(group->example), "%s", entry->name);
	group->nr_ops = entry->scenario.nr_ops;
	describe_place(group->place, &entry->scenario, change->verdict.step);
	group->nr_differences = change->verdict.nr_differences;
	memcpy(group->differences, change->verdict.differences,
	       sizeof(group->differences));
}

/* Says where an entry did not run, and why. */
static bool did_run(struct comparison *c, const struct recording_entry *entry)
{
	if (!entry->not_run[0])
		return true;
	leave_out(c, entry->name,
		  entry == &c->was.entry ? "not run in the first: " :
					   "not run in the second: ",
		  entry->not_run);
	return false;
}

/* Both have an entry of this name. */
static void compare_entries(struct comparison *c)
{
	static struct oracle_workspace work;
	const struct recording_entry *was = &c->was.entry;
	const struct recording_entry *now = &c->now.entry;
	const struct oracle_sides sides = {
		.expect = model_run,
		.errata = c->was.errata,
		.switchable = errata_switchable(),
		.usual = c->now.errata,
		.row_name = erratum_name,
	};
	const struct recorded_pair pair = { &was->shown, &now->shown };
	struct change change;
	bool both = did_run(c, was);

	if (!did_run(c, now) || !both)
		return;
	if (!scenario_equal(&was->scenario, &now->scenario)) {
		leave_out(c, was->name, "another scenario in each", "");
		return;
	}
	c->nr_compared++;
	oracle_compare(&change, &sides, &pair, &was->scenario, &work);
	if (change.kind == CHANGE_NONE)
		return;
	c->nr_changed++;
	add_change(c, &change);
}

/* Below zero: the next name is the first one's only; above: the second's. */
static int next_is_of(const struct comparison *c)
{
	if (c->was.more != RECORDING_ENTRY)
		return 1;
	if (c->now.more != RECORDING_ENTRY)
		return -1;
	return strcmp(c->was.entry.name, c->now.entry.name);
}

static int by_number(const void *a, const void *b)
{
	const struct change_group *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? 1 : -1;
	return strcmp(x->signature, y->signature);
}

bool comparison_make(struct comparison *c)
{
	while (c->was.more == RECORDING_ENTRY ||
	       c->now.more == RECORDING_ENTRY) {
		int order = next_is_of(c);

		if (!order)
			compare_entries(c);
		else if (order < 0 && did_run(c, &c->was.entry))
			leave_out(c, c->was.entry.name, "only in the first",
				  "");
		else if (order > 0 && did_run(c, &c->now.entry))
			leave_out(c, c->now.entry.name, "only in the second",
				  "");
		if (order <= 0 && !compared_next(&c->was))
			return false;
		if (order >= 0 && !compared_next(&c->now))
			return false;
	}
	if (c->nr_groups)
		qsort(c->groups, c->nr_groups, sizeof(*c->groups), by_number);
	return true;
}

enum row_change comparison_row(const struct comparison *c, uint32_t row)
{
	enum presence was = c->was.rows[row], now = c->now.rows[row];

	if (erratum_infos[row].kind == ERRATUM_KIND_CANARY)
		return ROW_SAME;
	if (was == PRESENCE_UNDETERMINED || now == PRESENCE_UNDETERMINED)
		return ROW_UNDETERMINED;
	if (was == now)
		return ROW_SAME;
	return now == PRESENCE_PRESENT ? ROW_GAINED : ROW_LOST;
}
