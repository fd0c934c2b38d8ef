/*
 * kvmerrata bench: how fast the parts are, each beside what it is compared
 * with, in one run on one machine.
 */
#include <argp.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench.h"
#include "scenario/check.h"

struct arguments {
	const char *device;
	const char *only;
	bool json;
	int runs;	     /* of each figure; the median counts */
	const char *seconds; /* of each run of an engine */
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "table (default) or json", 0 },
	{ "only", 'o', "TEXT", 0, "figures with TEXT in their names", 0 },
	{ "runs", 'r', "N", 0, "runs of each figure, 1 to 9 (default: 5)", 0 },
	{ "time", 'T', "SECONDS", 0, "of each engine's run (default: 3)", 0 },
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'f':
		arguments->json = !strcmp(value, "json");
		if (!arguments->json && strcmp(value, "table") != 0)
			argp_error(state, "--format is table or json");
		break;
	case 'o':
		arguments->only = value;
		break;
	case 'r':
		arguments->runs = atoi(value);
		if (arguments->runs < 1 || arguments->runs > BENCH_RUNS_MAX)
			argp_error(state, "--runs is 1 to %d", BENCH_RUNS_MAX);
		break;
	case 'T':
		arguments->seconds = value;
		if (atoi(value) < 1)
			argp_error(state, "--time wants a number of seconds");
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

double bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

enum figure_id {
	EMPTY,
	REF,
	MODEL,
	ATTRIBUTION,
	VM,
	FRESH,
	BARE,
	REUSED,
	BARE_TWICE,
	REUSED_TWICE,
	DIFF,
	VCPUS_FEW,
	VCPUS_MANY,
	OPS_FEW,
	OPS_MANY,
	COMMAND,
	COMMANDS,
	GROWTH,
	COVERAGE_BYTES,
	COVERAGE_OPS,
	NAMED_BYTES,
	NAMED_OPS,
	FIGURES,
};

static const struct figure {
	const char *name;
	const char *unit;
	double (*measure)(struct bench *b);
	bool needs_kvm;
} figures[] = {
	[EMPTY] = { "empty target under libFuzzer", "runs/s", bench_empty,
		    false },
	[REF] = { "model under libFuzzer", "scenarios/s", bench_ref, false },
	[MODEL] = { "model alone", "scenarios/s", bench_model, false },
	[ATTRIBUTION] = { "differences explained, 32 ops", "scenarios/s",
			  bench_attribution, false },
	[VM] = { "fresh VM, read and closed", "VMs/s", bench_vm, true },
	[FRESH] = { "differential, fresh VM each", "scenarios/s", bench_fresh,
		    true },
	[BARE] = { "bare ioctls of the same, reused VM", "scenarios/s",
		   bench_bare, true },
	[REUSED] = { "differential, reused VM", "scenarios/s", bench_reused,
		     true },
	[BARE_TWICE] = { "bare ioctls, two processes", "scenarios/s",
			 bench_bare_twice, true },
	[REUSED_TWICE] = { "differential, two processes", "scenarios/s",
			   bench_reused_twice, true },
	[DIFF] = { "differential under libFuzzer, searching", "scenarios/s",
		   bench_diff, true },
	[VCPUS_FEW] = { "time a vCPU, of 4", "us", bench_vcpus_few, true },
	[VCPUS_MANY] = { "time a vCPU, of 256", "us", bench_vcpus_many, true },
	[OPS_FEW] = { "time an op, of 16", "us", bench_ops_few, true },
	[OPS_MANY] = { "time an op, of 256", "us", bench_ops_many, true },
	[COMMAND] = { "guest command, alone in KVM_RUN", "us", bench_command,
		      true },
	[COMMANDS] = { "guest commands, 16 in KVM_RUN", "us", bench_commands,
		       true },
	[GROWTH] = { "memory after 20000 scenarios", "KiB more", bench_growth,
		     true },
	[COVERAGE_BYTES] = { "coverage, mutation of bytes", "blocks",
			     bench_coverage_bytes, true },
	[COVERAGE_OPS] = { "coverage, mutation of ops", "blocks",
			   bench_coverage_ops, true },
	[NAMED_BYTES] = { "differences named, mutation of bytes", "signatures",
			  bench_named_bytes, true },
	[NAMED_OPS] = { "differences named, mutation of ops", "signatures",
			bench_named_ops, true },
};
_Static_assert(ARRAY_SIZE(figures) == FIGURES, "one row a figure");

/* What is to hold between two figures. */
static const struct ratio {
	enum figure_id figure;
	enum figure_id beside;
	double least; /* 0: no lower bound */
	double most;  /* 0: no upper bound */
} ratios[] = {
	{ REF, EMPTY, 0.2, 0 },
	{ REUSED, BARE, 0.9, 0 },
	{ REUSED, FRESH, 8, 0 },
	{ REUSED_TWICE, REUSED, 1.8, 0 },
	{ BARE_TWICE, BARE, 0, 0 },
	{ VCPUS_MANY, VCPUS_FEW, 0, 1 },
	{ OPS_MANY, OPS_FEW, 0, 1.1 },
	{ COMMANDS, COMMAND, 0, 2 },
	{ COVERAGE_OPS, COVERAGE_BYTES, 0, 0 },
	{ NAMED_OPS, NAMED_BYTES, 0, 0 },
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median of so many runs. */
static double measure(struct bench *b, const struct figure *figure, int runs)
{
	double values[BENCH_RUNS_MAX];

	fprintf(stderr, "measuring: %s\n", figure->name);
	for (int i = 0; i < runs; i++)
		values[i] = figure->measure(b);
	qsort(values, (size_t)runs, sizeof(values[0]), by_value);
	return values[runs / 2];
}

static const char *held(const struct ratio *ratio, double value)
{
	if (!ratio->least && !ratio->most)
		return "";
	if ((ratio->least && value < ratio->least) ||
	    (ratio->most && value > ratio->most))
		return "MISSED";
	return "held";
}

static void print_ratio(const struct ratio *ratio, double value)
{
	char bound[32] = "";

	if (ratio->least)
		snprintf(bound, sizeof(bound), ">= %g", ratio->least);
	if (ratio->most)
		snprintf(bound, sizeof(bound), "<= %g", ratio->most);
	printf("%8.3f  %-7s %-7s %s / %s\n", value, bound, held(ratio, value),
	       figures[ratio->figure].name, figures[ratio->beside].name);
}

static void print_table(const double *values, const bool *measured)
{
	printf("%-42s %14s\n", "figure", "median");
	for (size_t i = 0; i < FIGURES; i++)
		if (measured[i])
			printf("%-42s %14.1f  %s\n", figures[i].name, values[i],
			       figures[i].unit);
	printf("\n%8s  %-7s\n", "ratio", "to hold");
	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++)
		if (measured[ratios[i].figure] && measured[ratios[i].beside] &&
		    values[ratios[i].beside] > 0)
			print_ratio(&ratios[i],
				    values[ratios[i].figure] /
					    values[ratios[i].beside]);
}

static void add_ratios(cJSON *all, const double *values, const bool *measured)
{
	cJSON *list = cJSON_AddArrayToObject(all, "ratios");

	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
		const struct ratio *ratio = &ratios[i];
		double beside = values[ratio->beside];
		cJSON *row;

		if (!measured[ratio->figure] || !measured[ratio->beside] ||
		    beside <= 0)
			continue;
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "name",
					figures[ratio->figure].name);
		cJSON_AddStringToObject(row, "beside",
					figures[ratio->beside].name);
		cJSON_AddNumberToObject(row, "ratio",
					values[ratio->figure] / beside);
		if (ratio->least)
			cJSON_AddNumberToObject(row, "least", ratio->least);
		if (ratio->most)
			cJSON_AddNumberToObject(row, "most", ratio->most);
		cJSON_AddItemToArray(list, row);
	}
}

static void print_json(int runs, const double *values, const bool *measured)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(all, "figures");
	char *text;

	cJSON_AddNumberToObject(all, "runs", runs);
	cJSON_AddNumberToObject(all, "vcpus", BENCH_VCPUS);
	cJSON_AddNumberToObject(all, "ops", BENCH_OPS);
	for (size_t i = 0; i < FIGURES; i++) {
		cJSON *row;

		if (!measured[i])
			continue;
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "name", figures[i].name);
		cJSON_AddStringToObject(row, "unit", figures[i].unit);
		cJSON_AddNumberToObject(row, "median", values[i]);
		cJSON_AddItemToArray(list, row);
	}
	add_ratios(all, values, measured);
	text = cJSON_Print(all);
	cJSON_Delete(all);
	if (text)
		puts(text);
	cJSON_free(text);
}

/* A VM belongs to one process: where two measure, this one has none open. */
static bool measure_all(struct bench *b, const struct arguments *arguments,
			double *values, bool *measured)
{
	bool any = false;

	for (size_t i = 0; i < FIGURES; i++) {
		const struct figure *figure = &figures[i];

		if (arguments->only && !strstr(figure->name, arguments->only))
			continue;
		if (figure->needs_kvm && !b->sides.drv &&
		    sides_open(&b->sides, b->device) != EXIT_AGREE)
			break;
		values[i] = measure(b, figure, arguments->runs);
		measured[i] = true;
		any = true;
	}
	if (!any)
		fprintf(stderr, "nothing was measured\n");
	return any;
}

int verb_bench(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Measures how fast the parts are: the model, the differential "
		"loop and what they are compared with, medians of several "
		"runs, all in one go; then the ratios, and whether they hold.",
		NULL,
		NULL,
		NULL,
	};
	struct arguments arguments = { .device = KVMDRV_DEVICE,
				       .runs = 5,
				       .seconds = "3" };
	static struct bench bench;
	double values[FIGURES] = { 0 };
	bool measured[FIGURES] = { false }, any;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	bench.device = arguments.device;
	bench.seconds = arguments.seconds;
	if (sides_against(&bench.sides, "documented", NULL) != EXIT_AGREE ||
	    !bench_prepare(&bench))
		return EXIT_HARNESS;
	any = measure_all(&bench, &arguments, values, measured);
	bench_clean_up(&bench);
	if (bench.sides.drv)
		kvmdrv_close(bench.sides.drv);
	if (!any)
		return EXIT_SKIP;
	if (arguments.json)
		print_json(arguments.runs, values, measured);
	else
		print_table(values, measured);
	return EXIT_AGREE;
}
