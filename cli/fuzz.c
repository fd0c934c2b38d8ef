/*
 * kvmerrata fuzz: runs fuzz targets on the seeds, as jobs under an engine, and
 * sums up what they found.
 */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/fuzz.h"
#include "cli/sides.h"
#include "scenario/check.h"

static const struct argp_option options[] = {
	{ "target", 't', "TARGET", 0,
	  "diff (default), twin, tell, ref, codec or witness", 0 },
	OPTION_AGAINST,
	{ "time", 'T', "SECONDS", 0, "stop after that long (default: never)",
	  0 },
	{ "runs", 'r', "N", 0, "stop after N scenarios (default: never)", 0 },
	{ "seed", 's', "N", 0, "of the random numbers (default: the time)", 0 },
	{ "jobs", 'j', "N", 0,
	  "processes that share corpus and findings (default: 1)", 0 },
	{ "engine", 'e', "ENGINE", 0, "libfuzzer (default) or afl", 0 },
	{ "out", 'o', "DIR", 0, "findings and corpus (default: fuzz-out)", 0 },
	{ "timeout", 'i', "SECONDS", 0,
	  "how long one scenario may take, shortening included (default: 60)",
	  0 },
	{ "memory", 'm', "MB", 0,
	  "what a process may use under libFuzzer (default: 2048)", 0 },
	{ "sync-input", 'y', NULL, 0,
	  "put each input on the disk before it runs, in DIR/running.N.bin, so "
	  "that it is there after the host has died; slow",
	  0 },
	OPTION_DANGEROUS,
	OPTION_KVM,
	{ 0 },
};

static const struct fuzz_target targets[] = {
	{ .name = "diff", .needs_kvm = true, .by_ops = true },
	{ .name = "twin", .needs_kvm = true, .by_ops = true },
	{ .name = "tell", .by_ops = true, .is_checks = true },
	{ .name = "ref", .by_ops = true, .is_checks = true },
	{ .name = "codec", .is_checks = true },
	{ .name = "witness", .by_ops = true, .is_checks = true },
};

static long number(const char *value, const char *name,
		   const struct argp_state *state)
{
	size_t digits = strspn(value, "0123456789");

	if (!digits || value[digits] || digits > 9)
		argp_error(state, "--%s wants a number, not '%s'", name, value);
	return strtol(value, NULL, 10);
}

static unsigned int number_of_jobs(const char *value,
				   const struct argp_state *state)
{
	long jobs = number(value, "jobs", state);

	if (jobs < 1 || jobs > JOBS_MAX)
		argp_error(state, "--jobs is 1 to %d", JOBS_MAX);
	return (unsigned int)jobs;
}

static enum fuzz_engine engine_named(const char *value,
				     const struct argp_state *state)
{
	if (strcmp(value, "afl") != 0 && strcmp(value, "libfuzzer") != 0)
		argp_error(state, "no engine '%s': libfuzzer or afl", value);
	return strcmp(value, "afl") ? ENGINE_LIBFUZZER : ENGINE_AFL;
}

static const struct fuzz_target *target_named(const char *value,
					      const struct argp_state *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(value, targets[i].name))
			return &targets[i];
	argp_error(state,
		   "no target '%s': diff, twin, tell, ref, codec or witness",
		   value);
	return NULL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct fuzz_arguments *arguments = state->input;

	switch (key) {
	case 't':
		arguments->target = target_named(value, state);
		break;
	case 'a':
		arguments->against = value;
		break;
	case 'T':
		arguments->time = number(value, "time", state);
		break;
	case 'r':
		arguments->runs = number(value, "runs", state);
		break;
	case 's':
		arguments->seed = number(value, "seed", state);
		break;
	case 'j':
		arguments->jobs = number_of_jobs(value, state);
		break;
	case 'e':
		arguments->engine = engine_named(value, state);
		break;
	case 'o':
		if (!*value)
			argp_error(state, "--out wants a folder");
		arguments->out = value;
		break;
	case 'i':
		arguments->timeout = number(value, "timeout", state);
		break;
	case 'm':
		arguments->memory = number(value, "memory", state);
		break;
	case 'y':
		arguments->sync_input = true;
		break;
	case 'D':
		arguments->dangerous = true;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no FILE is wanted; `run` replays files");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static bool make_folder(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if (!path_join(path, dir, name))
		return false;
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return true;
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return false;
}

/* A seed as text becomes a file of bytes in the output folder. */
static bool convert_seed(const char *dir, const char *name, const char *to)
{
	static struct scenario scenario;
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	char path[PATH_MAX];
	struct output out;
	bool is_text;

	if (!path_join(path, dir, name) ||
	    !input_read(&scenario, path, INPUT_GUESS, &is_text) ||
	    !path_join(path, to, name) || !output_open(&out, path))
		return false;
	fwrite(bytes, 1, scenario_encode(bytes, sizeof(bytes), &scenario),
	       out.file);
	return output_commit(&out);
}

static bool is_scenario(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, ".scn");
}

static bool convert_seeds(const char *out)
{
	const char *root = getenv("KVMERRATA_ROOT");
	const struct dirent *entry;
	char dir[PATH_MAX], to[PATH_MAX];
	bool good = true;
	DIR *seeds;

	if (!path_join(dir, root ? root : ".", "corpora/seeds") ||
	    !path_join(to, out, "seeds"))
		return false;
	seeds = opendir(dir);
	if (!seeds) {
		fprintf(stderr, "%s: %s; start with ./kvmerrata\n", dir,
			strerror(errno));
		return false;
	}
	while (good && (entry = readdir(seeds)) != NULL)
		if (is_scenario(entry->d_name))
			good = convert_seed(dir, entry->d_name, to);
	closedir(seeds);
	return good;
}

/* Of each erratum in force: how the scenarios fared that it decided. */
static void print_rows(const struct fuzz_stats *stats)
{
	bool any = false;

	for (size_t row = 0; row < ERRATA; row++) {
		unsigned long long agree = stats->row_agree[row];
		unsigned long long differ = stats->row_differ[row];

		if (!agree && !differ)
			continue;
		if (!any)
			printf("errata that decided something:\n%10s %10s"
			       "  %s\n",
			       "agree", "differ", "row");
		any = true;
		printf("%10llu %10llu  %s\n", agree, differ,
		       erratum_infos[row].name);
	}
}

/* The tables of what there is in the output folder, of earlier runs as well. */
static void print_findings(const struct jobs *jobs, bool differ)
{
	const char *out = jobs->arguments->out;
	struct fuzz_stats stats;
	char dir[PATH_MAX];

	if (path_join(dir, out, "findings") &&
	    !summary_print(stdout, dir, "findings") && !differ)
		puts("no findings");
	if (path_join(dir, out, "explained"))
		summary_print(stdout, dir, "explained by errata");
	if (jobs_stats(&stats, jobs)) {
		refusals_print(&stats);
		print_rows(&stats);
	}
	if (path_join(dir, out, "flaky"))
		summary_print(stdout, dir, "differences that did not repeat");
}

static enum exit_status fuzz(const struct fuzz_arguments *arguments)
{
	static struct jobs jobs;
	struct fuzz_stats stats;
	enum exit_status status;
	bool differ;

	fprintf(stderr,
		"fuzzing %s against %s, seed %ld, %u job%s under %s; output "
		"in %s\n",
		arguments->target->name, arguments->against, arguments->seed,
		arguments->jobs, arguments->jobs == 1 ? "" : "s",
		arguments->engine == ENGINE_AFL ? "AFL++" : "libFuzzer",
		arguments->out);
	status = jobs_run(&jobs, arguments);
	differ = jobs_stats(&stats, &jobs) &&
		 (stats.diverge || stats.explained || stats.flaky);
	print_findings(&jobs, differ || status != EXIT_AGREE);
	return status == EXIT_AGREE && differ ? EXIT_DIVERGE : status;
}

/* Said once and before anything starts, not by each job. */
static enum exit_status check_kvm(const struct fuzz_arguments *arguments)
{
	struct sides sides = { 0 };
	enum exit_status status;

	if (!arguments->target->needs_kvm)
		return EXIT_AGREE;
	status = sides_open(&sides, arguments->device);
	if (status == EXIT_AGREE)
		kvmdrv_close(sides.drv);
	return status;
}

static bool make_folders(const char *out)
{
	return make_folder(out, "") && make_folder(out, "corpus") &&
	       make_folder(out, "seeds") && convert_seeds(out);
}

int verb_fuzz(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Runs random scenarios on the model and on real VMs, and "
		"keeps what differs in DIR/findings, a folder a signature. "
		"Exit status 1 if anything differed.",
		NULL,
		NULL,
		NULL,
	};
	struct fuzz_arguments arguments = { .target = &targets[0],
					    .against = "documented",
					    .out = "fuzz-out",
					    .device = KVMDRV_DEVICE,
					    .seed = (long)time(NULL) % 1000000,
					    .runs = -1,
					    .jobs = 1,
					    .timeout = 60,
					    .memory = 2048 };
	static struct sides sides;
	static char set[PATH_MAX];
	enum exit_status status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = sides_against(&sides, arguments.against, arguments.device);
	if (status == EXIT_AGREE)
		status = check_kvm(&arguments);
	if (status != EXIT_AGREE)
		return status;
	sides_print_set(set, sizeof(set), &sides.oracle.errata);
	if (!strcmp(arguments.against, "host") ||
	    strpbrk(arguments.against, "/."))
		arguments.against = set;
	if (arguments.runs > 0 && arguments.runs < arguments.jobs)
		arguments.jobs = (unsigned int)arguments.runs;
	if (!make_folders(arguments.out))
		return EXIT_HARNESS;
	return fuzz(&arguments);
}
