/* How many a second: engines, the model, VMs, and both sides together. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench.h"
#include "scenario/check.h"

enum {
	RUNS_FRESH = 2000,
	RUNS_REUSED = 20000,
	RUNS_MODEL = 200000,
	RUNS_EXAMINE = 500,
};

/* Runs/s of a target under its engine, from the scenarios of this bench. */
static double rate_engine(struct bench *b, const char *target,
			  const char *option, const char *more)
{
	char corpus[PATH_MAX + 32];
	struct bench_search search = {
		.target = target,
		.corpus = corpus,
		.seed = 1,
		.seconds = atoi(b->seconds),
		/* As `fuzz --target=ref` has it: blocks, not how often. */
		.options = { "-max_len=256", "-use_counters=0", option, more },
	};

	snprintf(corpus, sizeof(corpus), "%s/corpus", b->scratch);
	if (!bench_search(&search))
		return 0;
	return search.runs / search.took;
}

double bench_empty(struct bench *b)
{
	return rate_engine(b, "empty", NULL, NULL);
}

double bench_ref(struct bench *b)
{
	return rate_engine(b, "ref", NULL, NULL);
}

double bench_model(struct bench *b)
{
	const struct model_setup setup = { .errata = b->sides.oracle.errata };
	double start = bench_now();

	for (int i = 0; i < RUNS_MODEL; i++)
		model_run(&b->expected, &b->scenarios[i % BENCH_SCENARIOS],
			  &setup);
	return RUNS_MODEL / (bench_now() - start);
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
double bench_attribution(struct bench *b)
{
	struct oracle_sides sides = b->sides.oracle;
	double start = bench_now();
	struct verdict verdict;
	int differ = 0;

	sides.observe = observe_model;
	sides.context = b;
	for (int i = 0; i < RUNS_EXAMINE; i++) {
		oracle_examine(&verdict, &sides,
			       &b->long_scenarios[i % BENCH_SCENARIOS],
			       &b->work);
		differ += verdict.kind != VERDICT_AGREE;
	}
	return differ / (bench_now() - start);
}

/* Model, driver and comparison; no search, no reports. */
static double rate_diff(struct bench *b, enum schedule schedule, int runs)
{
	const struct model_setup setup = { .errata = b->sides.oracle.errata };
	double start = bench_now();
	struct verdict verdict;

	for (int i = 0; i < runs; i++) {
		const struct scenario *s = &b->scenarios[i % BENCH_SCENARIOS];

		model_run(&b->expected, s, &setup);
		kvmdrv_run(b->sides.drv, &b->got, s, schedule);
		oracle_judge(&verdict, &b->expected, &b->got);
	}
	return runs / (bench_now() - start);
}

/* Building and destroying the VMs of the same scenarios, and no more. */
double bench_vm(struct bench *b)
{
	double start = bench_now();

	for (int i = 0; i < RUNS_FRESH; i++) {
		struct scenario s = b->scenarios[i % BENCH_SCENARIOS];

		s.nr_ops = BENCH_VCPUS;
		kvmdrv_run(b->sides.drv, &b->got, &s, SCHEDULE_FRESH);
	}
	return RUNS_FRESH / (bench_now() - start);
}

double bench_fresh(struct bench *b)
{
	return rate_diff(b, SCHEDULE_FRESH, RUNS_FRESH);
}

/* The VMs are there before time is taken. */
double bench_reused(struct bench *b)
{
	rate_diff(b, SCHEDULE_FAST, 2 * BENCH_SCENARIOS);
	return rate_diff(b, SCHEDULE_FAST, RUNS_REUSED);
}

/* The ioctls of the same scenarios, and nothing in between. */
double bench_bare(struct bench *b)
{
	double start;
	int runs;

	rate_diff(b, SCHEDULE_FAST, 2 * BENCH_SCENARIOS);
	kvmdrv_record(b->sides.drv, true);
	rate_diff(b, SCHEDULE_FAST, BENCH_SCENARIOS);
	kvmdrv_record(b->sides.drv, false);
	start = bench_now();
	for (runs = 0; runs < RUNS_REUSED; runs += BENCH_SCENARIOS)
		kvmdrv_replay(b->sides.drv);
	return runs / (bench_now() - start);
}

/* In a process of its own, whose VMs are its own as well. */
static void measure_alone(struct bench *b, double (*measure)(struct bench *b),
			  double *out)
{
	if (sides_open(&b->sides, b->device) != EXIT_AGREE)
		_exit(EXIT_HARNESS);
	*out = measure(b);
	kvmdrv_close(b->sides.drv);
	_exit(EXIT_AGREE);
}

/* The sum of what two processes reach side by side. */
static double rate_twice(struct bench *b, double (*measure)(struct bench *b))
{
	double *rates = mmap(NULL, 2 * sizeof(*rates), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double sum = 0;
	pid_t pids[2];

	if (rates == MAP_FAILED)
		return 0;
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			measure_alone(b, measure, &rates[i]);
	}
	for (int i = 0; i < 2; i++) {
		while (pids[i] > 0 && waitpid(pids[i], NULL, 0) < 0 &&
		       errno == EINTR)
			;
		sum += rates[i];
	}
	munmap(rates, 2 * sizeof(*rates));
	return sum;
}

double bench_bare_twice(struct bench *b)
{
	return rate_twice(b, bench_bare);
}

double bench_reused_twice(struct bench *b)
{
	return rate_twice(b, bench_reused);
}

/* As `fuzz --against=host` runs it. */
double bench_diff(struct bench *b)
{
	char set[PATH_MAX], against[PATH_MAX + 32], out[PATH_MAX + 32];
	struct sides host;

	if (sides_against(&host, "host", b->device) != EXIT_AGREE)
		return 0;
	sides_print_set(set, sizeof(set), &host.oracle.errata);
	snprintf(against, sizeof(against), "--against=%s", set);
	snprintf(out, sizeof(out), "--out=%s", b->scratch);
	return rate_engine(b, "diff", against, out);
}
