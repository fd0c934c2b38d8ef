/* Comparisons for programs. */
#include <cjson/cJSON.h>
#include <string.h>

#include "cli/comparison.h"

static cJSON *side_json(const struct compared *side)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", side->name);
	cJSON_AddStringToObject(json, "host", side->label);
	for (size_t i = 0; i < side->head.nr_facts; i++)
		if (strncmp(side->head.facts[i].key, "row ", 4) != 0)
			cJSON_AddStringToObject(json, side->head.facts[i].key,
						side->head.facts[i].value);
	return json;
}

static cJSON *row_json(const struct comparison *c, uint32_t row)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", erratum_infos[row].name);
	cJSON_AddStringToObject(json, "first", presence_name(c->was.rows[row]));
	cJSON_AddStringToObject(json, "second",
				presence_name(c->now.rows[row]));
	if (c->was.rows[row] == PRESENCE_UNDETERMINED)
		cJSON_AddStringToObject(json, "first_why", c->was.why[row]);
	if (c->now.rows[row] == PRESENCE_UNDETERMINED)
		cJSON_AddStringToObject(json, "second_why", c->now.why[row]);
	return json;
}

/* Values are strings: 64 bits are more than JSON's numbers promise. */
static void add_difference(cJSON *list, const struct difference *d)
{
	cJSON *json = cJSON_CreateObject();
	char value[32];

	if (d->vcpu >= 0)
		cJSON_AddNumberToObject(json, "vcpu", d->vcpu);
	cJSON_AddStringToObject(json, "observable", d->name);
	snprintf(value, sizeof(value), "0x%llx", (unsigned long long)d->want);
	cJSON_AddStringToObject(json, "first", value);
	snprintf(value, sizeof(value), "0x%llx", (unsigned long long)d->got);
	cJSON_AddStringToObject(json, "second", value);
	cJSON_AddItemToArray(list, json);
}

static cJSON *group_json(const struct change_group *group)
{
	static const char *const kinds[] = {
		[CHANGE_NONE] = "none",
		[CHANGE_EXPLAINED] = "explained",
		[CHANGE_OPEN] = "open",
		[CHANGE_UNEXPLAINED] = "unexplained",
		[CHANGE_MODEL_FAILS] = "model-fails",
	};
	cJSON *json = cJSON_CreateObject();
	cJSON *differences;

	cJSON_AddStringToObject(json, "signature", group->signature);
	cJSON_AddNumberToObject(json, "scenarios", (double)group->nr);
	cJSON_AddStringToObject(json, "kind", kinds[group->kind]);
	cJSON_AddStringToObject(
		json, group->kind == CHANGE_EXPLAINED ? "rows" : "hint",
		group->rows);
	cJSON_AddStringToObject(json, "example", group->example);
	cJSON_AddStringToObject(json, "place", group->place);
	differences = cJSON_AddArrayToObject(json, "differences");
	for (uint32_t i = 0; i < group->nr_differences && i < DIFFERENCES_MAX;
	     i++)
		add_difference(differences, &group->differences[i]);
	return json;
}

void comparison_print_json(const struct comparison *c)
{
	cJSON *all = cJSON_CreateObject(), *list;
	char *text;

	cJSON_AddStringToObject(all, "format", "kvmerrata-comparison-1");
	cJSON_AddItemToObject(all, "first", side_json(&c->was));
	cJSON_AddItemToObject(all, "second", side_json(&c->now));
	list = cJSON_AddArrayToObject(all, "rows");
	for (uint32_t row = 0; row < ERRATA; row++)
		if (comparison_row(c, row) != ROW_SAME)
			cJSON_AddItemToArray(list, row_json(c, row));
	cJSON_AddNumberToObject(all, "compared", (double)c->nr_compared);
	cJSON_AddNumberToObject(all, "changed", (double)c->nr_changed);
	list = cJSON_AddArrayToObject(all, "changes");
	for (size_t i = 0; i < c->nr_groups; i++)
		cJSON_AddItemToArray(list, group_json(&c->groups[i]));
	list = cJSON_AddArrayToObject(all, "not_compared");
	for (size_t i = 0; i < c->nr_left_out; i++) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "name", c->left_out[i].name);
		cJSON_AddStringToObject(json, "why", c->left_out[i].why);
		cJSON_AddItemToArray(list, json);
	}
	text = cJSON_Print(all);
	cJSON_Delete(all);
	if (text)
		printf("%s\n", text);
	cJSON_free(text);
}
