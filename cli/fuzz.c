/*
 * kvmerrata fuzz: starts a fuzz target under libFuzzer with the seeds, shows
 * how it goes, and sums up what it found.
 */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "fuzz/stats.h"
#include "scenario/check.h"

enum {
	LIBFUZZER_INTERRUPTED = 72,
	LIBFUZZER_CRASHED = 77,
	LINE_MAX_LEN = 1024,
	QUIET_PERIOD_S = 10, /* between progress lines off a terminal */
};

struct arguments {
	const char *target;
	const char *against;
	const char *out;
	const char *device;
	const char *time;
	const char *runs;
	const char *seed;
};

static const struct argp_option options[] = {
	{ "target", 't', "TARGET", 0,
	  "diff (default), twin, ref, codec or witness", 0 },
	OPTION_AGAINST,
	{ "time", 'T', "SECONDS", 0, "stop after that long (default: never)",
	  0 },
	{ "runs", 'r', "N", 0, "stop after N scenarios (default: never)", 0 },
	{ "seed", 's', "N", 0, "of the random numbers (default: the time)", 0 },
	{ "out", 'o', "DIR", 0, "findings and corpus (default: fuzz-out)", 0 },
	OPTION_KVM,
	{ 0 },
};

static const char *number(const char *value, const char *name,
			  const struct argp_state *state)
{
	size_t digits = strspn(value, "0123456789");

	if (!digits || value[digits] || digits > 9)
		argp_error(state, "--%s wants a number, not '%s'", name, value);
	return value;
}

static const char *target_name(const char *value,
			       const struct argp_state *state)
{
	static const char *const targets[] = { "diff", "twin", "ref", "codec",
					       "witness" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(value, targets[i]))
			return value;
	argp_error(state, "no target '%s': diff, twin, ref, codec or witness",
		   value);
	return NULL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 't':
		arguments->target = target_name(value, state);
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
	case 'o':
		if (!*value)
			argp_error(state, "--out wants a folder");
		arguments->out = value;
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

/* Of a terminal: to the start of the line, and nothing left in it. */
#define CLEAR_LINE "\r\033[K"

/* The command line of the engine. */
struct command {
	char *argv[32];
	char room[32][PATH_MAX + 32];
	size_t nr;
};

static void __attribute__((format(printf, 2, 3)))
add(struct command *command, const char *format, ...)
{
	char *room = command->room[command->nr];
	va_list args;

	CHECK(command->nr + 1 < ARRAY_SIZE(command->argv));
	va_start(args, format);
	vsnprintf(room, sizeof(command->room[0]), format, args);
	va_end(args);
	command->argv[command->nr++] = room;
	command->argv[command->nr] = NULL;
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

static bool build_command(struct command *command,
			  const struct arguments *arguments)
{
	char binary[PATH_MAX];
	const char *out = arguments->out;

	command->nr = 0;
	if (!engine_find(binary, arguments->target))
		return false;
	add(command, "%s", binary);
	add(command, "-max_total_time=%s", arguments->time);
	add(command, "-runs=%s", arguments->runs);
	add(command, "-seed=%s", arguments->seed);
	add(command, "-max_len=512");
	add(command, "-timeout=25");
	/* Counting is what a run of the model would cost most. */
	if (!strcmp(arguments->target, "ref"))
		add(command, "-use_counters=0");
	add(command, "-rss_limit_mb=2048");
	add(command, "-print_final_stats=1");
	add(command, "-artifact_prefix=%s/", out);
	add(command, "%s/corpus", out);
	add(command, "%s/seeds", out);
	add(command, "--against=%s", arguments->against);
	add(command, "--out=%s", out);
	add(command, "--kvm=%s", arguments->device);
	return true;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* What is known of a run while it runs. */
struct progress {
	const struct arguments *arguments;
	const struct fuzz_stats *stats; /* NULL until the target made it */
	struct timespec start;
	long last_shown; /* seconds from the start */
	long coverage;
	long corpus;
	bool terminal;
};

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static const struct fuzz_stats *map_stats(const char *out)
{
	char path[PATH_MAX];
	void *stats = MAP_FAILED;
	struct stat info;
	int fd;

	if (!path_join(path, out, FUZZ_STATS_FILE))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &info) == 0 &&
	    info.st_size == (off_t)sizeof(struct fuzz_stats))
		stats = mmap(NULL, sizeof(struct fuzz_stats), PROT_READ,
			     MAP_SHARED, fd, 0);
	close(fd);
	return stats == MAP_FAILED ? NULL : stats;
}

static void show_progress(struct progress *p, bool last)
{
	double seconds = seconds_since(&p->start);
	long period = p->terminal ? 1 : QUIET_PERIOD_S;

	if (!last && (long)seconds < p->last_shown + period)
		return;
	p->last_shown = (long)seconds;
	if (!p->stats)
		p->stats = map_stats(p->arguments->out);
	fprintf(stderr, "%s%4.0f s", p->terminal ? CLEAR_LINE : "", seconds);
	if (p->stats)
		fprintf(stderr,
			"  %llu scenarios (%.0f/s)  %llu found  %llu explained "
			" %llu flaky",
			(unsigned long long)p->stats->scenarios,
			(double)p->stats->scenarios / seconds,
			(unsigned long long)p->stats->diverge,
			(unsigned long long)p->stats->explained,
			(unsigned long long)p->stats->flaky);
	fprintf(stderr, "  coverage %ld  corpus %ld%s", p->coverage, p->corpus,
		p->terminal && !last ? "" : "\n");
}

static long number_after(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

/* One line of the engine's: to the log, and for the progress. */
static void read_line(struct progress *p, FILE *log, const char *line)
{
	long coverage = number_after(line, " cov: ");
	long corpus = number_after(line, " corp: ");

	fprintf(log, "%s\n", line);
	if (coverage >= 0)
		p->coverage = coverage;
	if (corpus >= 0)
		p->corpus = corpus;
	if (!strncmp(line, "FINDING: ", 9) ||
	    !strncmp(line, "EXPLAINED: ", 11) || !strncmp(line, "SKIP: ", 6) ||
	    !strncmp(line, "HARNESS: ", 9) || strstr(line, "Test unit written"))
		fprintf(stderr, "%s%s\n", p->terminal ? CLEAR_LINE : "", line);
}

static void follow(struct engine *engine, struct progress *p, FILE *log)
{
	char line[LINE_MAX_LEN];
	bool told = false;

	for (;;) {
		int got = engine_line(engine, line, sizeof(line), 200);

		if (got < 0)
			break;
		if (got > 0)
			read_line(p, log, line);
		if (interrupted && !told) {
			kill(engine->pid, SIGINT);
			told = true;
		}
		show_progress(p, false);
	}
	show_progress(p, true);
}

/* The exit status, from the engine's own and from what was found. */
static enum exit_status judge(int ended, const struct progress *p)
{
	const struct fuzz_stats *stats = p->stats;
	bool differ = stats &&
		      (stats->diverge || stats->explained || stats->flaky);

	if (ended == EXIT_HARNESS || ended == EXIT_SKIP || ended == EXIT_USAGE)
		return (enum exit_status)ended;
	if (ended == 0 || ended == LIBFUZZER_INTERRUPTED)
		return differ ? EXIT_DIVERGE : EXIT_AGREE;
	fprintf(stderr, "the target ended with status %d; its input is in %s\n",
		ended, p->arguments->out);
	/* What the others find is a bug of this program's, with its input. */
	if (ended == LIBFUZZER_CRASHED &&
	    strcmp(p->arguments->target, "diff") != 0 &&
	    strcmp(p->arguments->target, "twin") != 0)
		return EXIT_DIVERGE;
	return EXIT_HARNESS;
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

static enum exit_status fuzz(const struct arguments *arguments,
			     struct command *command, FILE *log)
{
	struct progress progress = { .arguments = arguments,
				     .terminal = isatty(STDERR_FILENO) };
	struct engine engine;
	char dir[PATH_MAX];
	enum exit_status status;

	/* An earlier run's numbers are not this one's. */
	if (path_join(dir, arguments->out, FUZZ_STATS_FILE))
		unlink(dir);
	clock_gettime(CLOCK_MONOTONIC, &progress.start);
	fprintf(stderr, "fuzzing %s against %s, seed %s; output in %s\n",
		arguments->target, arguments->against, arguments->seed,
		arguments->out);
	if (!engine_start(&engine, command->argv))
		return EXIT_HARNESS;
	follow(&engine, &progress, log);
	status = judge(engine_wait(&engine), &progress);
	if (path_join(dir, arguments->out, "findings") &&
	    !summary_print(stdout, dir, "findings") && status == EXIT_AGREE)
		puts("no findings");
	if (path_join(dir, arguments->out, "explained"))
		summary_print(stdout, dir, "explained by errata");
	if (progress.stats)
		print_rows(progress.stats);
	if (path_join(dir, arguments->out, "flaky"))
		summary_print(stdout, dir, "differences that did not repeat");
	return status;
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
	static struct command command;
	struct arguments arguments = { "diff",	      "documented", "fuzz-out",
				       KVMDRV_DEVICE, "0",	    "-1",
				       NULL };
	static char set[PATH_MAX];
	char seed[32], path[PATH_MAX];
	enum exit_status status;
	static struct sides sides;
	FILE *log;

	snprintf(seed, sizeof(seed), "%lu",
		 (unsigned long)time(NULL) % 1000000);
	arguments.seed = seed;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = sides_against(&sides, arguments.against, arguments.device);
	if (status != EXIT_AGREE)
		return status;
	sides_print_set(set, sizeof(set), &sides.oracle.errata);
	if (!strcmp(arguments.against, "host") ||
	    strchr(arguments.against, '.'))
		arguments.against = set;
	if (!make_folder(arguments.out, "") ||
	    !make_folder(arguments.out, "corpus") ||
	    !make_folder(arguments.out, "seeds") ||
	    !convert_seeds(arguments.out) ||
	    !build_command(&command, &arguments))
		return EXIT_HARNESS;
	if (!path_join(path, arguments.out, "fuzz.log"))
		return EXIT_HARNESS;
	log = fopen(path, "w");
	if (!log) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return EXIT_HARNESS;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	status = fuzz(&arguments, &command, log);
	fclose(log);
	return status;
}
