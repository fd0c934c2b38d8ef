/* Fingerprints as JSON, written and read. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "cli/fingerprint.h"

enum { FILE_MAX = 1 << 20 };

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

static cJSON *probe_json(const struct fingerprint *f, enum probe probe)
{
	const struct probe_info *info = &probe_infos[probe];
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", info->name);
	cJSON_AddStringToObject(json, "section", probe_sections[info->section]);
	cJSON_AddStringToObject(json, "presence",
				presence_name(f->probes[probe]));
	cJSON_AddStringToObject(json, "because", f->because[probe]);
	return json;
}

static cJSON *fingerprint_json(const struct fingerprint *f)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *rows, *probes;

	cJSON_AddStringToObject(all, "format", "kvmerrata-fingerprint-1");
	cJSON_AddStringToObject(all, "kernel", f->host.kernel);
	cJSON_AddStringToObject(all, "module", f->host.module);
	cJSON_AddStringToObject(all, "cpu", f->host.cpu);
	rows = cJSON_AddArrayToObject(all, "rows");
	for (uint32_t row = 0; row < ERRATA; row++)
		if (erratum_infos[row].kind != ERRATUM_KIND_CANARY)
			cJSON_AddItemToArray(rows, row_json(f, row));
	probes = cJSON_AddArrayToObject(all, "probes");
	for (enum probe probe = 0; probe < PROBES; probe++)
		cJSON_AddItemToArray(probes, probe_json(f, probe));
	return all;
}

static void write_json(FILE *out, cJSON *all)
{
	char *text = cJSON_Print(all);

	cJSON_Delete(all);
	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
}

void fingerprint_write(FILE *out, const struct fingerprint *f)
{
	write_json(out, fingerprint_json(f));
}

void fingerprint_write_all(FILE *out, const struct fingerprint *list, size_t nr)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *hosts;

	cJSON_AddStringToObject(all, "format", "kvmerrata-fingerprints-1");
	hosts = cJSON_AddArrayToObject(all, "hosts");
	for (size_t i = 0; i < nr; i++)
		cJSON_AddItemToArray(hosts, fingerprint_json(&list[i]));
	write_json(out, all);
}

static bool bad_file(const char *path, const char *what)
{
	fprintf(stderr, "%s:1:1: %s\n", path, what);
	return false;
}

/* The string @name of @json; "" where it has none. */
static const char *string_of(const cJSON *json, const char *name)
{
	const char *value =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	return value ? value : "";
}

static enum presence presence_of(const cJSON *json)
{
	const char *name = string_of(json, "presence");

	for (int p = PRESENCE_UNDETERMINED; p <= PRESENCE_PRESENT; p++)
		if (!strcmp(name, presence_name(p)))
			return p;
	return PRESENCE_UNDETERMINED;
}

/* One row of the file. Rows that this program does not know are told. */
static void read_row(struct fingerprint *out, const char *path,
		     const cJSON *json)
{
	const char *name = string_of(json, "name");

	for (uint32_t row = 0; row < ERRATA; row++) {
		if (strcmp(name, erratum_infos[row].name) != 0)
			continue;
		snprintf(out->why[row], WHY_MAX, "%s", string_of(json, "why"));
		out->rows[row] = presence_of(json);
		return;
	}
	fprintf(stderr, "%s: unknown row '%s', left out\n", path, name);
}

static void read_probe(struct fingerprint *out, const char *path,
		       const cJSON *json)
{
	const char *name = string_of(json, "name");

	for (enum probe probe = 0; probe < PROBES; probe++) {
		if (strcmp(name, probe_infos[probe].name) != 0)
			continue;
		snprintf(out->because[probe], WHY_MAX, "%s",
			 string_of(json, "because"));
		out->probes[probe] = presence_of(json);
		return;
	}
	fprintf(stderr, "%s: unknown probe '%s', left out\n", path, name);
}

static bool take_json(struct fingerprint *out, const char *path,
		      const cJSON *all)
{
	const cJSON *rows = cJSON_GetObjectItem(all, "rows");
	const cJSON *probes = cJSON_GetObjectItem(all, "probes");
	const cJSON *row;

	if (!cJSON_IsArray(rows))
		return false;
	for (uint32_t i = 0; i < ERRATA; i++)
		snprintf(out->why[i], WHY_MAX, "not in %s", path);
	for (enum probe probe = 0; probe < PROBES; probe++)
		snprintf(out->because[probe], WHY_MAX, "not in %s", path);
	cJSON_ArrayForEach(row, rows) read_row(out, path, row);
	cJSON_ArrayForEach(row, probes) read_probe(out, path, row);
	snprintf(out->host.kernel, sizeof(out->host.kernel), "%s",
		 string_of(all, "kernel"));
	snprintf(out->host.module, sizeof(out->host.module), "%s",
		 string_of(all, "module"));
	snprintf(out->host.cpu, sizeof(out->host.cpu), "%s",
		 string_of(all, "cpu"));
	host_make_line(&out->host);
	return true;
}

bool fingerprint_read(struct fingerprint *out, const char *path)
{
	static char text[FILE_MAX];
	FILE *in = fopen(path, "r");
	cJSON *all;
	size_t len;
	bool good;

	if (!in)
		return bad_file(path, strerror(errno));
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	memset(out, 0, sizeof(*out));
	all = cJSON_Parse(text);
	good = take_json(out, path, all);
	cJSON_Delete(all);
	return good || bad_file(path, "no fingerprint: make one with "
				      "`kvmerrata fingerprint -o FILE`");
}
