/*
 * Witnesses: for each row of errata.def the shortest scenario found on which
 * switching that row changes what the model expects. Needs no KVM. Each is
 * kept in OUT/witness/<row>.scn, where OUT is the option --out.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/session.h"
#include "oracle/explain.h"
#include "ref/model.h"
#include "scenario/check.h"
#include "scenario/minimize.h"

static struct scenario scenario;
static struct expectation with, without, observed;
static size_t shortest[ERRATA];
static struct scenario found[ERRATA];
static const char *out = "fuzz-out";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[PATH_MAX];

	session_options(*argc, *argv);
	for (int i = 1; i < *argc; i++)
		if (!strncmp((*argv)[i], "--out=", 6))
			out = (*argv)[i] + 6;
	snprintf(path, sizeof(path), "%s/witness", out);
	mkdir(out, 0777);
	if (mkdir(path, 0777) != 0 && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	for (size_t row = 0; row < ERRATA; row++)
		shortest[row] = SIZE_MAX;
	return 0;
}

static void expect(struct expectation *e, const struct scenario *s,
		   struct errata errata)
{
	const struct model_setup setup = { .errata = errata };

	model_run(e, s, &setup);
}

/*
 * Does @s tell whether @row is there? What a present-day KVM does must be
 * wholly on one side, the one that its set has.
 */
static bool tells(const struct scenario *s, uint32_t row)
{
	struct errata usual = errata_observed();
	struct telling telling;

	expect(&with, s, errata_with(row));
	expect(&without, s, errata_without(row));
	oracle_tell(&telling, &with, &without, &with.want);
	if (!telling.differ)
		return false;
	expect(&observed, s, usual);
	oracle_tell(&telling, &with, &without, &observed.want);
	return telling.differ == (errata_has(&usual, row) ?
					  telling.like_first :
					  telling.like_second);
}

static bool still_tells(void *context, const struct scenario *s)
{
	return tells(s, *(const uint32_t *)context);
}

static void minimize(struct scenario *s, uint32_t row,
		     enum minimize_depth depth)
{
	static struct minimizer minimizer;

	minimizer.holds = still_tells;
	minimizer.context = &row;
	minimizer.depth = depth;
	scenario_minimize(&minimizer, s);
}

static void witness_path(char out_path[PATH_MAX], uint32_t row)
{
	snprintf(out_path, PATH_MAX, "%s/witness/%s.scn", out,
		 erratum_infos[row].name);
}

/* How long the one is that another job or run has left; SIZE_MAX: none is. */
static size_t kept_ops(uint32_t row)
{
	static struct scenario kept;
	static char text[OPS_MAX * 128];
	struct text_error error;
	char path[PATH_MAX];
	size_t len;
	FILE *in;

	witness_path(path, row);
	in = fopen(path, "r");
	if (!in)
		return SIZE_MAX;
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	return scenario_parse(&kept, &error, text) ? kept.nr_ops : SIZE_MAX;
}

static void save(const struct scenario *s, uint32_t row)
{
	const struct erratum_info *info = &erratum_infos[row];
	char path[PATH_MAX], temporary[PATH_MAX];
	FILE *file;

	witness_path(path, row);
	snprintf(temporary, sizeof(temporary), "%s/witness/.new.%ld", out,
		 (long)getpid());
	file = fopen(temporary, "w");
	CHECK(file);
	fprintf(file,
		"# %s: %s\n# Found by fuzzing the model against itself, "
		"with this row and without.\n",
		info->name, info->text);
	scenario_print(file, s);
	CHECK(fclose(file) == 0);
	CHECK(rename(temporary, path) == 0);
}

/* Keeping what was found counts for nothing, so it comes last. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	bool is_new[ERRATA] = { false };

	for (uint32_t row = 0; row < ERRATA; row++) {
		if (erratum_infos[row].kind == ERRATUM_KIND_CANARY)
			continue;
		scenario_decode(&scenario, bytes, len);
		if (!tells(&scenario, row))
			continue;
		minimize(&scenario, row, MINIMIZE_OPS);
		if (scenario.nr_ops >= shortest[row])
			continue;
		shortest[row] = scenario.nr_ops;
		found[row] = scenario;
		is_new[row] = true;
	}
	session_stop_counting();
	for (uint32_t row = 0; row < ERRATA; row++)
		if (is_new[row] && shortest[row] < kept_ops(row)) {
			minimize(&found[row], row, MINIMIZE_FIELDS);
			save(&found[row], row);
		}
	return 0;
}
