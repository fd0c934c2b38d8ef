/* A recording, as it is read: its head, its rows, and entry by entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/comparison.h"

/* More than any corpus that is worth comparing takes. */
enum { FILE_MAX = 1 << 30 };

static bool complain(const struct compared *side, const struct text_error *err)
{
	fprintf(stderr, "%s:%d:%d: %s\n", side->name, err->line, err->column,
		err->message);
	return false;
}

static void read_row(struct compared *side, const char *name, const char *value)
{
	for (uint32_t row = 0; row < ERRATA; row++) {
		size_t len = strcspn(value, " ");

		if (strcmp(name, erratum_infos[row].name) != 0)
			continue;
		for (int p = PRESENCE_UNDETERMINED; p <= PRESENCE_PRESENT; p++)
			if (strlen(presence_name(p)) == len &&
			    !memcmp(value, presence_name(p), len))
				side->rows[row] = p;
		snprintf(side->why[row], WHY_MAX, "%s",
			 value + len + strspn(value + len, " "));
		if (side->rows[row] == PRESENCE_PRESENT)
			side->errata.set |= ROW(row);
		return;
	}
	fprintf(stderr, "%s: unknown row '%s', left out\n", side->name, name);
}

static void read_rows(struct compared *side)
{
	side->errata.set = 0;
	for (uint32_t row = 0; row < ERRATA; row++) {
		side->rows[row] = PRESENCE_UNDETERMINED;
		snprintf(side->why[row], WHY_MAX, "not in %s", side->name);
	}
	for (size_t i = 0; i < side->head.nr_facts; i++)
		if (!strncmp(side->head.facts[i].key, "row ", 4))
			read_row(side, side->head.facts[i].key + 4,
				 side->head.facts[i].value);
}

static const char *value_or(const struct compared *side, const char *key)
{
	const char *value = recording_value(&side->head, key);

	return value ? value : "unknown";
}

static void make_label(struct compared *side)
{
	const char *model = recording_value(&side->head, "model");

	if (model)
		snprintf(side->label, sizeof(side->label), "the model under %s",
			 model);
	else
		snprintf(side->label, sizeof(side->label),
			 "Linux %.128s, %.32s, %.128s",
			 value_or(side, "kernel"), value_or(side, "module"),
			 value_or(side, "cpu"));
}

bool compared_next(struct compared *side)
{
	struct text_error err;

	side->more = recording_read_entry(&side->entry, &err, &side->reader);
	return side->more != RECORDING_BAD || complain(side, &err);
}

bool compared_start(struct compared *side)
{
	struct text_error err;

	if (!recording_read_head(&side->reader, &side->head, &err, side->text))
		return complain(side, &err);
	read_rows(side);
	make_label(side);
	return compared_next(side);
}

static bool bad_file(const char *path, const char *what)
{
	fprintf(stderr, "%s:1:1: %s\n", path, what);
	return false;
}

/* All of @in, with a NUL at its end; NULL: too large, or errno says why. */
static char *read_all(FILE *in)
{
	size_t len = 0, cap = 1 << 16;
	char *text = malloc(cap);
	char *more = text;

	errno = 0;
	while (more) {
		text = more;
		len += fread(text + len, 1, cap - len - 1, in);
		if (len < cap - 1)
			break;
		cap *= 2;
		more = cap > FILE_MAX ? NULL : realloc(text, cap);
	}
	if (!more || ferror(in)) {
		free(text);
		return NULL;
	}
	if (memchr(text, '\0', len))
		text[0] = '\0'; /* no recording, and is told to be none */
	text[len] = '\0';
	return text;
}

bool compared_read(struct compared *out, const char *path)
{
	FILE *in = fopen(path, "r");

	out->name = path;
	if (!in)
		return bad_file(path, strerror(errno));
	out->text = read_all(in);
	fclose(in);
	if (!out->text)
		return bad_file(path,
				errno ? strerror(errno) : "larger than 1 GiB");
	return compared_start(out);
}
