/* The findings that a report is of, and what both sides show of one now. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/paths.h"
#include "cli/report.h"
#include "scenario/check.h"

enum { META_MAX = 1 << 16, CASE_LINE_MAX = 8192 };

/* What begins a comment that says against what a file is a finding. */
#define AGAINST "against: "

/* What an output folder of `fuzz` has, in the order of a report. */
static const char *const folders[] = { "findings", "explained", "flaky" };

static bool is_folder(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Up to @cap - 1 bytes of the file @name beside @path, as a string. */
static bool read_beside(char *out, size_t cap, const char *path,
			const char *name)
{
	const char *slash = strrchr(path, '/');
	char file[PATH_MAX];

	if (snprintf(file, sizeof(file), "%.*s%s",
		     slash ? (int)(slash - path) + 1 : 0, path,
		     name) >= (int)sizeof(file))
		return false;
	return input_text(out, cap, file);
}

static void copy_string(char *out, size_t cap, const cJSON *meta,
			const char *key)
{
	const char *value =
		cJSON_GetStringValue(cJSON_GetObjectItem(meta, key));

	snprintf(out, cap, "%s", value ? value : "");
}

/* What `fuzz` keeps beside a finding's scenario; a file without is as it is. */
static void read_meta(struct report_file *file)
{
	static char text[META_MAX];
	char hits[32];
	cJSON *meta;

	if (!read_beside(text, sizeof(text), file->path, "meta.json"))
		return;
	meta = cJSON_Parse(text);
	if (!meta)
		return;
	copy_string(file->name, sizeof(file->name), meta, "hash");
	copy_string(file->against, sizeof(file->against), meta, "against");
	copy_string(file->found, sizeof(file->found), meta, "found");
	if (read_beside(hits, sizeof(hits), file->path, "hits"))
		file->hits = strtoull(hits, NULL, 10);
	cJSON_Delete(meta);
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A comment of the file may say against what it is a finding. */
static void read_against(struct report_file *file)
{
	static char text[CASE_TEXT_MAX];
	char line[sizeof(file->against) + sizeof(AGAINST)];
	const char *at = text;

	if (!input_text(text, sizeof(text), file->path))
		return;
	while ((at = input_comment(line, sizeof(line), at)) != NULL)
		if (!strncmp(line, AGAINST, sizeof(AGAINST) - 1))
			snprintf(file->against, sizeof(file->against), "%.*s",
				 (int)sizeof(file->against) - 1,
				 line + sizeof(AGAINST) - 1);
}

static void describe(struct report_file *file, const char *path)
{
	size_t len;

	memset(file, 0, sizeof(*file));
	snprintf(file->path, sizeof(file->path), "%s", path);
	read_meta(file);
	if (!file->against[0])
		read_against(file);
	if (file->name[0])
		return;
	snprintf(file->name, sizeof(file->name), "%.127s", name_of(path));
	len = strlen(file->name);
	if (len > 4 && !strcmp(file->name + len - 4, ".scn"))
		file->name[len - 4] = '\0';
}

/* Mails and parts of a page are found by their names. */
static void make_unique(struct report_file *file,
			const struct report_files *before)
{
	char name[CASE_NAME_MAX];
	unsigned int number = 1;

	snprintf(name, sizeof(name), "%s", file->name);
	for (size_t i = 0; i < before->nr; i++) {
		if (strcmp(before->list[i].name, file->name) != 0)
			continue;
		snprintf(file->name, sizeof(file->name), "%.110s-%u", name,
			 ++number);
		i = (size_t)-1; /* and once more */
	}
}

static int by_hits(const void *a, const void *b)
{
	const struct report_file *x = a, *y = b;

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	return strcmp(x->path, y->path);
}

/* Those at @path, after those that there are. False after a message. */
static bool add(struct report_files *files, const char *path)
{
	const struct paths paths = { .nr = 1, .list = { path } };
	struct scenario_files found = { 0 };
	size_t first = files->nr;

	if (!paths_find(&found, &paths))
		return false;
	if (files->nr + found.nr > CASES_MAX) {
		fprintf(stderr, "%s:1:1: more than %d findings; name some\n",
			path, CASES_MAX);
		return false;
	}
	files->list = memory_there(realloc(
		files->list, (first + found.nr + 1) * sizeof(*files->list)));
	for (size_t i = 0; i < found.nr; i++) {
		describe(&files->list[files->nr], found.list[i].path);
		make_unique(&files->list[files->nr], files);
		files->nr++;
	}
	qsort(files->list + first, found.nr, sizeof(*files->list), by_hits);
	return true;
}

bool report_find(struct report_files *out, const char *path)
{
	char folder[PATH_MAX];
	bool of_fuzz = false;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (!path_join(folder, path, folders[i]))
			return false;
		if (!is_folder(folder))
			continue;
		of_fuzz = true;
		if (!add(out, folder))
			return false;
	}
	return of_fuzz || add(out, path);
}

/*
 * What was found beside bystanders is a finding of the scenario with them: of
 * the vCPUs that it needs they are those that no message is meant for.
 */
static void add_bystanders(struct report_case *c)
{
	static const char option[] = "--twin=";
	static struct twin twin;
	const char *at = c->text;
	char line[CASE_LINE_MAX];
	struct twin_kind kind;

	c->bystanders[0] = '\0';
	while ((at = input_comment(line, sizeof(line), at)) != NULL) {
		char *name = strstr(line, option);

		if (!name)
			continue;
		name += sizeof(option) - 1;
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] =
			'\0';
		if (!twin_parse(&kind, name) ||
		    !twin_make(&twin, &c->scenario, kind))
			continue;
		c->scenario = twin.scenario;
		twin_name(c->bystanders, kind);
		return;
	}
}

enum exit_status report_case(struct report_case *out,
			     const struct report_file *file,
			     struct sides *sides,
			     const struct sides_options *options)
{
	struct kvmdrv_reason reason = { "" };
	struct verdict shown;
	bool is_text;

	if (!input_read(&out->scenario, file->path, INPUT_GUESS, &is_text))
		return EXIT_USAGE;
	out->file = file;
	out->text[0] = '\0';
	if (is_text)
		input_text(out->text, sizeof(out->text), file->path);
	add_bystanders(out);
	sides_about(&out->about, sides, options);
	sides_refuse(&reason, sides, &out->scenario, options->dangerous);
	if (!sides->drv && !sides->host_is_model)
		reason = sides->reason;
	snprintf(out->not_run, sizeof(out->not_run), "%s", reason.text);
	if (out->not_run[0])
		return EXIT_SKIP;
	oracle_examine(&out->verdict, &sides->oracle, &out->scenario,
		       &out->work);
	if (out->verdict.kind == VERDICT_AGREE)
		return EXIT_AGREE;
	oracle_show(&shown, &sides->oracle, &out->scenario, &out->verdict,
		    &out->work);
	return EXIT_DIVERGE;
}

bool report_is_generated(const struct report_case *c)
{
	static const char start[] = "# kvmerrata: ";

	return !strncmp(c->text, start, sizeof(start) - 1);
}

const char *report_comment(char *out, size_t cap, const struct report_case *c,
			   const char *at)
{
	do
		at = input_comment(out, cap, at);
	while (at && !report_is_generated(c) &&
	       !strncmp(out, AGAINST, sizeof(AGAINST) - 1));
	return at;
}
