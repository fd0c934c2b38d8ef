/* The findings of an output folder, as a table. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { SUMMARY_ROWS_MAX = 1024, META_MAX = 16384 };

struct row {
	unsigned long long hits;
	int ops;
	char signature[SIGNATURE_MAX];
	char folder[NAME_MAX + 1];
};

/* Up to @cap - 1 bytes of the file @dir/@folder/@name, as a string. */
static bool read_small(char *out, size_t cap, const char *dir,
		       const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s/%s", dir, folder, name) >=
	    (int)sizeof(path))
		return false;
	return input_text(out, cap, path);
}

static bool read_row(struct row *row, const char *dir, const char *folder)
{
	char text[META_MAX], hits[32];
	cJSON *meta;
	const char *signature;

	if (!read_small(text, sizeof(text), dir, folder, "meta.json") ||
	    !read_small(hits, sizeof(hits), dir, folder, "hits"))
		return false;
	meta = cJSON_Parse(text);
	signature =
		cJSON_GetStringValue(cJSON_GetObjectItem(meta, "signature"));
	if (signature) {
		row->hits = strtoull(hits, NULL, 10);
		row->ops = (int)cJSON_GetNumberValue(
			cJSON_GetObjectItem(meta, "ops"));
		snprintf(row->signature, sizeof(row->signature), "%s",
			 signature);
		snprintf(row->folder, sizeof(row->folder), "%s", folder);
	}
	cJSON_Delete(meta);
	return signature != NULL;
}

static int by_hits(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	return strcmp(x->signature, y->signature);
}

size_t summary_print(FILE *out, const char *dir, const char *title)
{
	static struct row rows[SUMMARY_ROWS_MAX];
	const struct dirent *entry;
	DIR *folder = opendir(dir);
	size_t nr = 0;

	if (!folder)
		return 0;
	while ((entry = readdir(folder)) != NULL && nr < SUMMARY_ROWS_MAX)
		if (entry->d_name[0] != '.' &&
		    read_row(&rows[nr], dir, entry->d_name))
			nr++;
	closedir(folder);
	qsort(rows, nr, sizeof(rows[0]), by_hits);
	if (nr)
		fprintf(out, "%s in %s:\n%10s %4s  %-16s  %s\n", title, dir,
			"hits", "ops", "folder", "signature");
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "%10llu %4d  %-16s  %s\n", rows[i].hits,
			rows[i].ops, rows[i].folder, rows[i].signature);
	if (nr)
		fputc('\n', out);
	return nr;
}
