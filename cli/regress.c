/* kvmerrata regress: corpora replayed, against what is known of a host. */
#include "cli/regress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/paths.h"
#include "cli/ticker.h"
#include "oracle/explain.h"

enum { JOBS_MAX = 64, SECONDS_MAX = 86400 };

struct arguments {
	struct sides_options sides;
	const struct regress_format *format;
	struct errata rows; /* only scenarios that these decide; none: all */
	unsigned int jobs;
	unsigned int timeout;
	struct paths paths;
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "tap (KTAP, default), junit or json", 0 },
	{ "row", 'r', "ROW", 0,
	  "only scenarios of which this row of the errata changes what is "
	  "expected; may be given several times",
	  0 },
	{ "jobs", 'j', "N", 0, "so many at a time (default: 1)", 0 },
	{ "timeout", 'i', "SECONDS", 0,
	  "how long a scenario may take (default: 60)", 0 },
	{ 0 },
};

static const struct argp_child children[] = {
	{ &sides_argp, 0, NULL, 0 },
	{ 0 },
};

static unsigned int number(const char *value, const char *name,
			   unsigned int max, const struct argp_state *state)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long n = strtoul(value, NULL, 10);

	if (!digits || value[digits] || digits > 9 || n < 1 || n > max)
		argp_error(state, "--%s is 1 to %u", name, max);
	return (unsigned int)n;
}

static errata_rows row_named(const char *name, const struct argp_state *state)
{
	for (uint32_t row = 0; row < ERRATA; row++)
		if (!strcmp(name, erratum_infos[row].name))
			return ROW(row);
	argp_error(state, "no erratum '%s'; `kvmerrata explain` lists them",
		   name);
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sides;
		break;
	case 'f':
		arguments->format = regress_format(value);
		if (!arguments->format)
			argp_error(state, "--format is tap, junit or json");
		break;
	case 'r':
		arguments->rows.set |= row_named(value, state);
		break;
	case 'j':
		arguments->jobs = number(value, "jobs", JOBS_MAX, state);
		break;
	case 'i':
		arguments->timeout =
			number(value, "timeout", SECONDS_MAX, state);
		break;
	case ARGP_KEY_ARG:
		paths_add(&arguments->paths, state, value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Does one of @rows change what is expected under the set @known? */
static bool rows_decide(const struct errata *rows, const struct errata *known,
			const struct scenario *s)
{
	static struct expectation with, without;
	struct model_setup setup = { 0 };
	struct telling telling;

	for (uint32_t row = 0; row < ERRATA; row++) {
		if (!errata_has(rows, row))
			continue;
		setup.errata.set = known->set | ROW(row);
		model_run(&with, s, &setup);
		setup.errata.set ^= ROW(row);
		model_run(&without, s, &setup);
		oracle_tell(&telling, &with, &without, &with.want);
		if (telling.differ)
			return true;
	}
	return false;
}

/* Bad input is told before anything runs. */
static bool read_tests(struct regress *r, const struct arguments *arguments)
{
	static struct scenario_files files;
	bool is_text;

	if (!paths_find(&files, &arguments->paths))
		return false;
	r->tests = memory_there(calloc(files.nr + 1, sizeof(*r->tests)));
	for (size_t i = 0; i < files.nr; i++) {
		struct regress_test *test = &r->tests[r->nr_tests];

		test->name = files.list[i].name;
		if (!input_read(&test->scenario, files.list[i].path,
				INPUT_GUESS, &is_text))
			return false;
		r->nr_tests += !arguments->rows.set ||
			       rows_decide(&arguments->rows,
					   &r->sides->oracle.errata,
					   &test->scenario);
	}
	return true;
}

static const struct regress_format *format;
static struct ticker ticker;

static void test_ended(struct regress *r, size_t test)
{
	r->nr[r->results[test].outcome]++;
	if (!format->at_once)
		ticker_show(&ticker, test + 1, r->nr_tests);
	format->test(r, test);
}

/* Nothing can run: that is said of each. */
static void skip_all(struct regress *r)
{
	for (size_t i = 0; i < r->nr_tests; i++) {
		r->results[i].outcome = TEST_SKIP;
		snprintf(r->results[i].what, WHAT_MAX, "%s",
			 r->sides->reason.text);
		test_ended(r, i);
	}
}

static enum exit_status status_of(const struct regress *r)
{
	if (r->nr[TEST_ERROR] || r->nr[TEST_TIMEOUT])
		return EXIT_HARNESS;
	if (r->nr[TEST_FAIL])
		return EXIT_DIVERGE;
	if (r->nr[TEST_PASS] || r->nr[TEST_XFAIL])
		return EXIT_AGREE;
	fputs("SKIP: nothing was tested\n", stderr);
	return EXIT_SKIP;
}

static enum exit_status regress(struct regress *r,
				const struct arguments *arguments, bool skip)
{
	size_t size = (r->nr_tests + 1) * sizeof(*r->results);
	enum exit_status status = EXIT_AGREE;

	r->results = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->results == MAP_FAILED)
		memory_there(NULL);
	sides_print_set(r->known, sizeof(r->known), &r->sides->oracle.errata);
	format = arguments->format;
	ticker_start(&ticker, "scenarios");
	format->start(r);
	if (skip)
		skip_all(r);
	else
		status = regress_run(r, test_ended);
	ticker_end(&ticker);
	if (status != EXIT_AGREE)
		return status;
	format->end(r);
	return status_of(r);
}

int verb_regress(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[PATH...]",
		"Replays scenarios: ok is what the documents say, and what "
		"differs from them as --against, here by default the "
		"fingerprint of this host, says, is an expected failure "
		"(XFAIL) with the rows that explain it. All else is not ok. A "
		"PATH is a file, or a folder whose .scn files are meant; "
		"without any, all of corpora/.",
		children,
		NULL,
		NULL,
	};
	static struct arguments arguments = {
		.sides = { .against = "host", .device = KVMDRV_DEVICE },
		.jobs = 1,
		.timeout = 60,
	};
	static struct sides sides;
	struct regress r = { .options = &arguments.sides, .sides = &sides };
	enum exit_status status;

	arguments.format = regress_format("tap");
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	r.jobs = arguments.jobs;
	r.timeout = arguments.timeout;
	status = sides_choose(&sides, &arguments.sides);
	if (status == EXIT_AGREE)
		status = sides_open(&sides, arguments.sides.device);
	if (status != EXIT_AGREE && status != EXIT_SKIP)
		return status;
	/* Those who run the tests open it for themselves. */
	sides_close(&sides);
	if (!read_tests(&r, &arguments))
		return EXIT_USAGE;
	return regress(&r, &arguments, status == EXIT_SKIP);
}
