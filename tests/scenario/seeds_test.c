/*
 * The seeds: each parses, each op has at least one named after it, and what
 * the model says of each is what a person blessed (FILE.obs). Its arguments
 * are the files.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "scenario/tables.h"

enum { TEXT_MAX = 1 << 20 };

static char **files;
static int nr_files;
static char text[TEXT_MAX], blessed[TEXT_MAX], now[TEXT_MAX];

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && !strcmp(name + len - end_len, end);
}

static bool read_file(char *out, const char *path)
{
	FILE *in = fopen(path, "r");
	size_t len;

	if (!in)
		return false;
	len = fread(out, 1, TEXT_MAX - 1, in);
	out[len] = '\0';
	fclose(in);
	return true;
}

static void every_op_has_a_seed(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < 256; kind++) {
		const struct record *record = op_record(kind);
		bool found = !record;

		for (int i = 0; record && i < nr_files; i++) {
			const char *slash = strrchr(files[i], '/');
			const char *name = slash ? slash + 1 : files[i];
			size_t len = strlen(record->name);

			found |= !strncmp(name, record->name, len) &&
				 name[len] == '-';
		}
		if (!found)
			fail_msg("no seed for op %s: corpora/seeds/%s-WHAT.scn",
				 record->name, record->name);
	}
}

static void check_blessed(const char *path, const struct scenario *s)
{
	static struct expectation expected;
	struct model_setup setup = { 0 };
	const char *unknown;
	char name[4096];
	FILE *out;

	assert_true(errata_parse(&setup.errata, &unknown, "documented"));
	model_run(&expected, s, &setup);
	memset(now, 0, sizeof(now));
	out = fmemopen(now, sizeof(now), "w");
	assert_non_null(out);
	expectation_print(out, &expected, s);
	assert_int_equal(fclose(out), 0);
	snprintf(name, sizeof(name), "%.*s.obs", (int)strlen(path) - 4, path);
	if (!read_file(blessed, name))
		fail_msg("%s: missing; look at `run --model` and bless it",
			 name);
	if (strcmp(blessed, now) != 0)
		fail_msg("%s is stale: want\n%sgot\n%s", name, blessed, now);
}

static void every_seed_is_what_was_blessed(void **state)
{
	static struct scenario scenario;
	int seeds = 0;

	(void)state;
	for (int i = 0; i < nr_files; i++) {
		if (!ends_in(files[i], ".scn"))
			continue;
		assert_true(read_file(text, files[i]));
		test_parse(&scenario, text);
		check_blessed(files[i], &scenario);
		seeds++;
	}
	assert_true(seeds > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_op_has_a_seed),
		cmocka_unit_test(every_seed_is_what_was_blessed),
	};

	files = argv + 1;
	nr_files = argc - 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
