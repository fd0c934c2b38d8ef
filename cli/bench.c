/*
 * kvmerrata bench: how fast the parts are, each beside what it is compared
 * with, in one run on one machine.
 */
#include <argp.h>
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "scenario/check.h"

enum {
	SCENARIOS = 64, /* different ones, run in turn */
	VCPUS = 4,
	OPS = 16,
	OPS_LONG = 32,
	RUNS_DIFF = 2000,
	RUNS_MODEL = 200000,
	RUNS_EXAMINE = 500,
	RUNS_MAX = 9,
	BYTES_MAX = 1024,
};

struct arguments {
	const char *device;
	bool json;
	int runs;	     /* of each figure; the median counts */
	const char *seconds; /* of each run of an engine */
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "table (default) or json", 0 },
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
	case 'r':
		arguments->runs = atoi(value);
		if (arguments->runs < 1 || arguments->runs > RUNS_MAX)
			argp_error(state, "--runs is 1 to %d", RUNS_MAX);
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

/* xorshift: the same scenarios in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Half of them small numbers, which many ops are. */
static uint8_t random_byte(uint64_t *random)
{
	uint64_t r = next_random(random);

	return (uint8_t)(r & 256 ? r % 12 : r);
}

/* Is it an op on the first vCPUs, after which a VM can be reset? */
static bool is_reset_after(const struct op *op)
{
	return op->kind != OP_vcpu_create && op->kind != OP_observe &&
	       op->kind != OP_x2apic_api_enable && op_vcpu(op) < VCPUS;
}

/* Random bytes, that make many ops on the vCPUs that come first. */
static void decode_random(struct scenario *out, uint64_t *random)
{
	uint8_t bytes[BYTES_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = random_byte(random);
	memset(bytes, 0, 6);
	for (size_t nr = 0; nr < VCPUS; nr++) {
		bytes[5 + 3 * nr] = OP_vcpu_create;
		bytes[6 + 3 * nr] = (uint8_t)nr;
		bytes[7 + 3 * nr] = (uint8_t)(next_random(random) & 1);
	}
	scenario_decode(out, bytes, sizeof(bytes));
}

/*
 * Four vCPUs, their APICs enabled, then random ops, @nr_ops in all: what most
 * scenarios of a search look like.
 */
static void make_scenario(struct scenario *out, size_t nr_ops, uint64_t *random)
{
	static struct scenario drawn;
	size_t nr;

	do {
		decode_random(&drawn, random);
		*out = drawn;
		for (nr = VCPUS; nr < 2 * VCPUS; nr++)
			out->ops[nr] = (struct op){
				.kind = OP_lapic_write,
				.as.lapic_write = { (field_vcpu)(nr - VCPUS),
						    AGENT_HOST, APIC_REG_svr,
						    0xff | SVR_ENABLE },
			};
		for (size_t i = VCPUS; i < drawn.nr_ops && nr < nr_ops; i++)
			if (is_reset_after(&drawn.ops[i]))
				out->ops[nr++] = drawn.ops[i];
	} while (nr < nr_ops);
	out->nr_ops = nr_ops;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, int nr)
{
	qsort(values, (size_t)nr, sizeof(values[0]), by_value);
	return values[nr / 2];
}

struct bench {
	struct arguments arguments;
	struct scenario scenarios[SCENARIOS];
	struct scenario long_scenarios[SCENARIOS];
	struct oracle_workspace work;
	struct expectation expected;
	struct observation got;
	struct expectation seen;
	struct sides sides;
	char scratch[PATH_MAX]; /* a corpus of these scenarios */
};

/* Model, driver and comparison on a fresh VM each; no search, no reports. */
static double rate_diff(struct bench *b, enum schedule schedule)
{
	const struct model_setup setup = { .errata = b->sides.oracle.errata };
	double start = now();
	struct verdict verdict;

	for (int i = 0; i < RUNS_DIFF; i++) {
		const struct scenario *s = &b->scenarios[i % SCENARIOS];

		model_run(&b->expected, s, &setup);
		kvmdrv_run(b->sides.drv, &b->got, s, schedule);
		oracle_judge(&verdict, &b->expected, &b->got);
	}
	return RUNS_DIFF / (now() - start);
}

static double rate_fresh(struct bench *b)
{
	return rate_diff(b, SCHEDULE_FRESH);
}

static double rate_reused(struct bench *b)
{
	return rate_diff(b, SCHEDULE_FAST);
}

/* Building and destroying the VMs of the same scenarios, and no more. */
static double rate_vm(struct bench *b)
{
	double start = now();

	for (int i = 0; i < RUNS_DIFF; i++) {
		struct scenario s = b->scenarios[i % SCENARIOS];

		s.nr_ops = VCPUS;
		kvmdrv_run(b->sides.drv, &b->got, &s, SCHEDULE_FRESH);
	}
	return RUNS_DIFF / (now() - start);
}

static double rate_model(struct bench *b)
{
	const struct model_setup setup = { .errata = b->sides.oracle.errata };
	double start = now();

	for (int i = 0; i < RUNS_MODEL; i++)
		model_run(&b->expected, &b->scenarios[i % SCENARIOS], &setup);
	return RUNS_MODEL / (now() - start);
}

/* In the place of a host: the model of a present-day KVM. */
static void observe_model(void *context, struct observation *out,
			  const struct scenario *s, enum schedule schedule)
{
	struct bench *b = context;
	const struct model_setup setup = { errata_observed(), schedule, { 0 } };

	model_run(&b->seen, s, &setup);
	observation_copy(out, &b->seen.want);
}

/* Differences found, named and explained, with no time spent on a host. */
static double rate_attribution(struct bench *b)
{
	struct oracle_sides sides = b->sides.oracle;
	double start = now();
	struct verdict verdict;
	int differ = 0;

	sides.observe = observe_model;
	sides.context = b;
	for (int i = 0; i < RUNS_EXAMINE; i++) {
		oracle_examine(&verdict, &sides,
			       &b->long_scenarios[i % SCENARIOS], &b->work);
		differ += verdict.kind != VERDICT_AGREE;
	}
	return differ / (now() - start);
}

/* Runs/s of a target under its engine, or 0 where it cannot be had. */
static double rate_engine(struct bench *b, const char *target,
			  const char *corpus)
{
	char binary[PATH_MAX], seconds[32], line[1024];
	/* As `fuzz --target=ref` has it: blocks, not how often each ran. */
	char *argv[] = { binary,
			 "-max_len=256",
			 "-use_counters=0",
			 "-print_final_stats=1",
			 seconds,
			 "-seed=1",
			 (char *)corpus,
			 NULL };
	struct engine engine;
	double start = now(), runs = 0;
	int got;

	if (!engine_find(binary, target))
		return 0;
	snprintf(seconds, sizeof(seconds), "-max_total_time=%s",
		 b->arguments.seconds);
	if (!engine_start(&engine, argv))
		return 0;
	while ((got = engine_line(&engine, line, sizeof(line), 1000)) >= 0) {
		const char *at = strstr(line, "number_of_executed_units: ");

		if (got > 0 && at)
			runs = atof(at + 26);
	}
	if (engine_wait(&engine) != 0)
		return 0;
	return runs / (now() - start);
}

static double rate_empty(struct bench *b)
{
	return rate_engine(b, "empty", b->scratch);
}

static double rate_ref(struct bench *b)
{
	return rate_engine(b, "ref", b->scratch);
}

/* One figure, and the index of the one that it is compared with, or -1. */
static const struct figure {
	const char *name;
	const char *unit;
	double (*measure)(struct bench *b);
	bool needs_kvm;
	int beside;
} figures[] = {
	{ "empty target under libFuzzer", "runs/s", rate_empty, false, -1 },
	{ "model under libFuzzer", "scenarios/s", rate_ref, false, 0 },
	{ "model alone", "scenarios/s", rate_model, false, -1 },
	{ "differences explained, 32 ops", "scenarios/s", rate_attribution,
	  false, -1 },
	{ "fresh VM with 4 vCPUs, read and closed", "VMs/s", rate_vm, true,
	  -1 },
	{ "differential, fresh VM each", "scenarios/s", rate_fresh, true, 4 },
	{ "differential, reused VM", "scenarios/s", rate_reused, true, 5 },
};

static double measure(struct bench *b, const struct figure *figure)
{
	double values[RUNS_MAX];

	fprintf(stderr, "measuring: %s\n", figure->name);
	for (int i = 0; i < b->arguments.runs; i++)
		values[i] = figure->measure(b);
	return median(values, b->arguments.runs);
}

static void print_table(const double *values)
{
	printf("%-40s %14s  %-12s %s\n", "figure", "median", "", "ratio");
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		int beside = figures[i].beside;

		if (values[i] <= 0) {
			printf("%-40s %14s\n", figures[i].name, "skipped");
			continue;
		}
		printf("%-40s %14.0f  %-12s", figures[i].name, values[i],
		       figures[i].unit);
		if (beside >= 0 && values[beside] > 0)
			printf(" %.3f of \"%s\"", values[i] / values[beside],
			       figures[beside].name);
		putchar('\n');
	}
}

static void print_json(const struct bench *b, const double *values)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(all, "figures");
	char *text;

	cJSON_AddNumberToObject(all, "runs", b->arguments.runs);
	cJSON_AddNumberToObject(all, "vcpus", VCPUS);
	cJSON_AddNumberToObject(all, "ops", OPS);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		cJSON *row = cJSON_CreateObject();
		int beside = figures[i].beside;

		cJSON_AddStringToObject(row, "name", figures[i].name);
		cJSON_AddStringToObject(row, "unit", figures[i].unit);
		cJSON_AddNumberToObject(row, "median", values[i]);
		if (beside >= 0 && values[beside] > 0) {
			cJSON_AddStringToObject(row, "beside",
						figures[beside].name);
			cJSON_AddNumberToObject(row, "ratio",
						values[i] / values[beside]);
		}
		cJSON_AddItemToArray(list, row);
	}
	text = cJSON_Print(all);
	cJSON_Delete(all);
	if (text)
		puts(text);
	cJSON_free(text);
}

/* The scenarios, in memory and as a corpus for the engines. */
static bool prepare(struct bench *b)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	uint64_t random = 0x9e3779b97f4a7c15u;
	char path[PATH_MAX + 32];
	struct output out;

	snprintf(b->scratch, sizeof(b->scratch), "/tmp/kvmerrata-bench.XXXXXX");
	if (!mkdtemp(b->scratch)) {
		fprintf(stderr, "%s: %s\n", b->scratch, strerror(errno));
		return false;
	}
	for (int i = 0; i < SCENARIOS; i++) {
		size_t len;

		make_scenario(&b->scenarios[i], OPS, &random);
		make_scenario(&b->long_scenarios[i], OPS_LONG, &random);
		len = scenario_encode(bytes, sizeof(bytes), &b->scenarios[i]);
		snprintf(path, sizeof(path), "%s/%d", b->scratch, i);
		if (!output_open(&out, path))
			return false;
		fwrite(bytes, 1, len, out.file);
		if (!output_commit(&out))
			return false;
	}
	return true;
}

static void clean_up(const struct bench *b)
{
	const struct dirent *entry;
	DIR *scratch = opendir(b->scratch);
	char path[PATH_MAX + NAME_MAX + 2];

	while (scratch && (entry = readdir(scratch)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", b->scratch,
			 entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (scratch)
		closedir(scratch);
	rmdir(b->scratch);
}

int verb_bench(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Measures how fast the parts are: the model, the differential "
		"loop and what they are compared with, medians of several "
		"runs, all in one go.",
		NULL,
		NULL,
		NULL,
	};
	static struct bench bench;
	double values[ARRAY_SIZE(figures)] = { 0 };
	bool kvm;

	bench.arguments = (struct arguments){ KVMDRV_DEVICE, false, 5, "3" };
	argp_parse(&argp, argc, argv, 0, NULL, &bench.arguments);
	if (sides_against(&bench.sides, "documented", NULL) != EXIT_AGREE ||
	    !prepare(&bench))
		return EXIT_HARNESS;
	kvm = sides_open(&bench.sides, bench.arguments.device) == EXIT_AGREE;
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		if (kvm || !figures[i].needs_kvm)
			values[i] = measure(&bench, &figures[i]);
	clean_up(&bench);
	if (bench.arguments.json)
		print_json(&bench, values);
	else
		print_table(values);
	return EXIT_AGREE;
}
