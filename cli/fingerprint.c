/* kvmerrata fingerprint: the errata of this host. */
#include "cli/fingerprint.h"

#include <argp.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvmdrv/danger.h"
#include "oracle/explain.h"

enum { FILE_MAX = 1 << 20 };

const char *presence_name(enum presence presence)
{
	static const char *const names[] = {
		[PRESENCE_UNDETERMINED] = "undetermined",
		[PRESENCE_ABSENT] = "absent",
		[PRESENCE_PRESENT] = "present",
	};

	return names[presence];
}

const char *erratum_kind_name(enum erratum_kind kind)
{
	static const char *const names[] = {
		[ERRATUM_KIND_DOCUMENTED] = "documented",
		[ERRATUM_KIND_HISTORICAL] = "historical",
		[ERRATUM_KIND_UNDOCUMENTED] = "undocumented",
		[ERRATUM_KIND_BACKEND] = "backend",
		[ERRATUM_KIND_CANARY] = "canary",
	};

	return names[kind];
}

bool witness_read(struct scenario *out, uint32_t row)
{
	const char *root = getenv("KVMERRATA_ROOT");
	char dir[PATH_MAX], name[64], path[PATH_MAX];
	bool is_text;

	snprintf(name, sizeof(name), "%s.scn", erratum_infos[row].name);
	return path_join(dir, root ? root : ".", "corpora/witness") &&
	       path_join(path, dir, name) &&
	       input_read(out, path, INPUT_GUESS, &is_text);
}

/* On which side is the host, where the two expectations differ? */
static enum presence side(const struct telling *telling, char why[WHY_MAX])
{
	if (telling->differ && telling->like_first == telling->differ)
		return PRESENCE_PRESENT;
	if (telling->differ && telling->like_second == telling->differ)
		return PRESENCE_ABSENT;
	snprintf(why, WHY_MAX,
		 "the host does neither what is expected with it nor without "
		 "(%u of %u bits)",
		 telling->like_first, telling->differ);
	return PRESENCE_UNDETERMINED;
}

static void take_row(struct fingerprint *out, struct kvmdrv *drv,
		     const struct scenario *witness, uint32_t row)
{
	static struct expectation with, without;
	static struct observation got;
	struct model_setup setup = { .errata = errata_with(row) };
	struct kvmdrv_reason reason;
	struct danger_host host;
	struct telling telling;

	danger_host_here(&host, drv);
	if (danger_check(&reason, &host, witness) != DANGER_NONE) {
		snprintf(out->why[row], WHY_MAX, "its witness does not run: %s",
			 reason.text);
		return;
	}

	model_run(&with, witness, &setup);
	setup.errata = errata_without(row);
	model_run(&without, witness, &setup);
	kvmdrv_run(drv, &got, witness, SCHEDULE_FAST);
	oracle_tell(&telling, &with, &without, &got);
	out->rows[row] = side(&telling, out->why[row]);
}

bool fingerprint_take(struct fingerprint *out, struct kvmdrv *drv)
{
	static struct scenario witness;

	memset(out, 0, sizeof(*out));
	host_describe(&out->host);
	for (uint32_t row = 0; row < ERRATA; row++) {
		if (erratum_infos[row].kind == ERRATUM_KIND_CANARY) {
			out->rows[row] = PRESENCE_ABSENT;
			continue;
		}
		if (!witness_read(&witness, row))
			return false;
		take_row(out, drv, &witness, row);
	}
	return true;
}

struct errata fingerprint_errata(const struct fingerprint *fingerprint)
{
	struct errata set = { 0 };

	for (uint32_t row = 0; row < ERRATA; row++)
		if (fingerprint->rows[row] == PRESENCE_PRESENT)
			set.set |= 1ull << row;
	return set;
}

static cJSON *row_json(const struct fingerprint *f, uint32_t row)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", erratum_infos[row].name);
	cJSON_AddStringToObject(json, "kind",
				erratum_kind_name(erratum_infos[row].kind));
	cJSON_AddStringToObject(json, "presence", presence_name(f->rows[row]));
	if (f->why[row][0])
		cJSON_AddStringToObject(json, "why", f->why[row]);
	return json;
}

void fingerprint_write(FILE *out, const struct fingerprint *f)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *rows;
	char *text;

	cJSON_AddStringToObject(all, "format", "kvmerrata-fingerprint-1");
	cJSON_AddStringToObject(all, "kernel", f->host.kernel);
	cJSON_AddStringToObject(all, "module", f->host.module);
	cJSON_AddStringToObject(all, "cpu", f->host.cpu);
	rows = cJSON_AddArrayToObject(all, "rows");
	for (uint32_t row = 0; row < ERRATA; row++)
		if (erratum_infos[row].kind != ERRATUM_KIND_CANARY)
			cJSON_AddItemToArray(rows, row_json(f, row));
	text = cJSON_Print(all);
	cJSON_Delete(all);
	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
}

static bool bad_file(const char *path, const char *what)
{
	fprintf(stderr, "%s:1:1: %s\n", path, what);
	return false;
}

/* One row of the file. Rows that this program does not know are told. */
static void read_row(struct errata *out, const char *path, const cJSON *json)
{
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "name"));
	const char *presence =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "presence"));

	for (uint32_t row = 0; name && row < ERRATA; row++) {
		if (strcmp(name, erratum_infos[row].name) != 0)
			continue;
		if (presence && !strcmp(presence, "present"))
			out->set |= 1ull << row;
		return;
	}
	fprintf(stderr, "%s: unknown row '%s', left out\n", path,
		name ? name : "");
}

bool fingerprint_read(struct errata *out, const char *path)
{
	static char text[FILE_MAX];
	FILE *in = fopen(path, "r");
	const cJSON *rows, *row;
	cJSON *all;
	size_t len;

	if (!in)
		return bad_file(path, strerror(errno));
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	all = cJSON_Parse(text);
	rows = cJSON_GetObjectItem(all, "rows");
	out->set = 0;
	cJSON_ArrayForEach(row, rows) read_row(out, path, row);
	len = cJSON_IsArray(rows);
	cJSON_Delete(all);
	return len || bad_file(path, "no fingerprint: make one with "
				     "`kvmerrata fingerprint -o FILE`");
}

struct arguments {
	const char *device;
	const char *output;
	enum { FORMAT_TABLE, FORMAT_JSON, FORMAT_MD } format;
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "table (default), json or md", 0 },
	{ "output", 'o', "FILE", 0,
	  "also write the host's set to FILE, as JSON that --against takes",
	  0 },
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'f':
		if (!strcmp(value, "json"))
			arguments->format = FORMAT_JSON;
		else if (!strcmp(value, "md"))
			arguments->format = FORMAT_MD;
		else if (strcmp(value, "table") != 0)
			argp_error(state, "--format is table, json or md");
		break;
	case 'o':
		arguments->output = value;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments are wanted");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void print_table(const struct fingerprint *f)
{
	printf("%s\n\n%-30s %-13s %-13s %s\n", f->host.line, "row", "kind",
	       "here", "source");
	for (uint32_t row = 0; row < ERRATA; row++) {
		const struct erratum_info *info = &erratum_infos[row];

		if (info->kind == ERRATUM_KIND_CANARY)
			continue;
		printf("%-30s %-13s %-13s %s\n", info->name,
		       erratum_kind_name(info->kind),
		       presence_name(f->rows[row]),
		       f->why[row][0] ? f->why[row] : info->source);
	}
}

static void print_md(const struct fingerprint *f)
{
	printf("| row | kind | %s | what KVM does |\n|---|---|---|---|\n",
	       f->host.line);
	for (uint32_t row = 0; row < ERRATA; row++) {
		const struct erratum_info *info = &erratum_infos[row];

		if (info->kind == ERRATUM_KIND_CANARY)
			continue;
		printf("| [`%s`](../corpora/witness/%s.scn) | %s | %s | %s "
		       "(%s; %s) |\n",
		       info->name, info->name, erratum_kind_name(info->kind),
		       presence_name(f->rows[row]), info->text, info->source,
		       info->versions);
	}
}

static enum exit_status save(const struct fingerprint *f, const char *path)
{
	struct output out;

	if (!path)
		return EXIT_AGREE;
	if (!output_open(&out, path))
		return EXIT_HARNESS;
	fingerprint_write(out.file, f);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

int verb_fingerprint(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Runs the witness of every erratum on this host and says "
		"whether the host has it.",
		NULL,
		NULL,
		NULL,
	};
	static struct fingerprint fingerprint;
	struct arguments arguments = { .device = KVMDRV_DEVICE };
	static struct sides sides;
	bool taken;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (sides_open(&sides, arguments.device) != EXIT_AGREE)
		return EXIT_SKIP;
	taken = fingerprint_take(&fingerprint, sides.drv);
	kvmdrv_close(sides.drv);
	if (!taken)
		return EXIT_HARNESS;
	if (arguments.format == FORMAT_JSON)
		fingerprint_write(stdout, &fingerprint);
	else if (arguments.format == FORMAT_MD)
		print_md(&fingerprint);
	else
		print_table(&fingerprint);
	return save(&fingerprint, arguments.output);
}
