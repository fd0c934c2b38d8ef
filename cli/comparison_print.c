/* Comparisons for people: as text and as Markdown. */
#include <inttypes.h>
#include <string.h>

#include "cli/comparison.h"

void change_reason(char *out, size_t cap, const struct change_group *group)
{
	switch (group->kind) {
	case CHANGE_EXPLAINED:
		snprintf(out, cap, "%s", group->rows);
		return;
	case CHANGE_OPEN:
		snprintf(out, cap,
			 "none: with the rows of the first, either is right");
		return;
	case CHANGE_UNEXPLAINED:
		snprintf(out, cap, "none explains it%s%s",
			 group->rows[0] ? "; where to look: " : "",
			 group->rows);
		return;
	case CHANGE_MODEL_FAILS:
		snprintf(out, cap,
			 "not known: the model with the rows of the first is "
			 "not what the first recorded (%s)",
			 group->rows);
		return;
	case CHANGE_NONE:
		break;
	}
	out[0] = '\0';
}

/* The other side's value of a line of the head; "-" where it has none. */
static const char *other_value(const struct compared *side, const char *key)
{
	const char *value = recording_value(&side->head, key);

	return value ? value : "-";
}

static bool is_row(const struct recording_fact *fact)
{
	return !strncmp(fact->key, "row ", 4);
}

/*
 * What differs in the heads of two hosts, but for the rows. @format: key, was,
 * now.
 */
static void print_facts(const struct comparison *c, const char *format)
{
	const struct recording_head *was = &c->was.head, *now = &c->now.head;

	if (recording_value(was, "model") || recording_value(now, "model"))
		return;
	for (size_t i = 0; i < was->nr_facts; i++) {
		const struct recording_fact *fact = &was->facts[i];
		const char *value = other_value(&c->now, fact->key);

		if (!is_row(fact) && strcmp(fact->value, value) != 0)
			printf(format, fact->key, fact->value, value);
	}
	for (size_t i = 0; i < now->nr_facts; i++) {
		const struct recording_fact *fact = &now->facts[i];

		if (!is_row(fact) && !recording_value(was, fact->key))
			printf(format, fact->key, "-", fact->value);
	}
}

/* The reason why a row is undetermined; empty where it is not. */
static const char *why(const struct comparison *c, uint32_t row)
{
	return c->now.rows[row] == PRESENCE_UNDETERMINED ? c->now.why[row] :
	       c->was.rows[row] == PRESENCE_UNDETERMINED ? c->was.why[row] :
							   "";
}

/* @format: a sign, the name, was, now, and what is to say of it. */
static void print_rows(const struct comparison *c, enum row_change change,
		       const char *format)
{
	static const char *const signs[] = {
		[ROW_SAME] = " ",
		[ROW_GAINED] = "+",
		[ROW_LOST] = "-",
		[ROW_UNDETERMINED] = "?",
	};

	for (uint32_t row = 0; row < ERRATA; row++) {
		if (comparison_row(c, row) != change)
			continue;
		printf(format, signs[change], erratum_infos[row].name,
		       presence_name(c->was.rows[row]),
		       presence_name(c->now.rows[row]),
		       change == ROW_UNDETERMINED ? why(c, row) :
						    erratum_infos[row].text);
	}
}

static bool has_rows(const struct comparison *c)
{
	for (uint32_t row = 0; row < ERRATA; row++)
		if (comparison_row(c, row) != ROW_SAME)
			return true;
	return false;
}

static void print_differences(const struct change_group *group)
{
	uint32_t shown = group->nr_differences;

	if (shown > DIFFERENCES_MAX)
		shown = DIFFERENCES_MAX;
	for (uint32_t i = 0; i < shown; i++) {
		const struct difference *d = &group->differences[i];

		if (d->vcpu >= 0)
			printf("             vcpu %d %s", d->vcpu, d->name);
		else
			printf("             answer %s", d->name);
		printf(": was 0x%" PRIx64 ", is 0x%" PRIx64 "\n", d->want,
		       d->got);
	}
	if (shown < group->nr_differences)
		printf("             and %" PRIu32 " more\n",
		       group->nr_differences - shown);
}

static void print_group(const struct change_group *group)
{
	char reason[2 * SIGNATURE_MAX];

	change_reason(reason, sizeof(reason), group);
	printf("%9zu  %s\n", group->nr, group->signature);
	printf("           rows: %s\n", reason);
	printf("           such as %s, %s\n", group->example, group->place);
	print_differences(group);
}

void comparison_print_text(const struct comparison *c)
{
	printf("first:  %s: %s\nsecond: %s: %s\n", c->was.name, c->was.label,
	       c->now.name, c->now.label);
	print_facts(c, "  %s: %s -> %s\n");
	if (has_rows(c)) {
		printf("\nrows:\n");
		print_rows(c, ROW_GAINED, "%s %-30s %s -> %s: %s\n");
		print_rows(c, ROW_LOST, "%s %-30s %s -> %s: %s\n");
		print_rows(c, ROW_UNDETERMINED, "%s %-30s %s -> %s: %s\n");
	} else {
		printf("\nrows: the same\n");
	}
	printf("\n%zu scenarios compared, %zu changed\n", c->nr_compared,
	       c->nr_changed);
	if (c->nr_groups)
		printf("\nscenarios  signature\n");
	for (size_t i = 0; i < c->nr_groups; i++)
		print_group(&c->groups[i]);
	if (c->nr_left_out)
		printf("\nnot compared: %zu\n", c->nr_left_out);
	for (size_t i = 0; i < c->nr_left_out; i++)
		printf("  %s: %s\n", c->left_out[i].name, c->left_out[i].why);
}

/* Flags have a bar between them, which would end the cell. */
static void print_cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\%c" : "%c", *text);
}

void comparison_print_md(const struct comparison *c)
{
	char reason[2 * SIGNATURE_MAX];

	printf("What changed from %s (%s) to %s (%s).\n", c->was.label,
	       c->was.name, c->now.label, c->now.name);
	printf("\n| host | first | second |\n|---|---|---|\n");
	print_facts(c, "| %s | %s | %s |\n");
	printf("\n| | row | first | second | |\n|---|---|---|---|---|\n");
	print_rows(c, ROW_GAINED, "| %s | `%s` | %s | %s | %s |\n");
	print_rows(c, ROW_LOST, "| %s | `%s` | %s | %s | %s |\n");
	print_rows(c, ROW_UNDETERMINED, "| %s | `%s` | %s | %s | %s |\n");
	printf("\n%zu scenarios compared, %zu changed.\n", c->nr_compared,
	       c->nr_changed);
	printf("\n| scenarios | signature | rows | such as |\n"
	       "|---|---|---|---|\n");
	for (size_t i = 0; i < c->nr_groups; i++) {
		change_reason(reason, sizeof(reason), &c->groups[i]);
		printf("| %zu | `%s` | %s | `%s`, ", c->groups[i].nr,
		       c->groups[i].signature, reason, c->groups[i].example);
		print_cell(c->groups[i].place);
		printf(" |\n");
	}
	if (c->nr_left_out)
		printf("\n%zu not compared:\n\n", c->nr_left_out);
	for (size_t i = 0; i < c->nr_left_out; i++)
		printf("- `%s`: %s\n", c->left_out[i].name, c->left_out[i].why);
}
