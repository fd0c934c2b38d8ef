/* Private to the verb bench: what its measurements share. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/sides.h"

enum {
	BENCH_SCENARIOS = 64, /* different ones, run in turn */
	BENCH_VCPUS = 4,
	BENCH_OPS = 16,
	BENCH_OPS_LONG = 32,
	BENCH_RUNS_MAX = 9,
};

struct bench {
	const char *device;
	const char *seconds; /* of each run of an engine */
	struct scenario scenarios[BENCH_SCENARIOS];
	struct scenario long_scenarios[BENCH_SCENARIOS];
	struct oracle_workspace work;
	struct expectation expected;
	struct observation got;
	struct expectation seen;
	struct sides sides;
	char scratch[PATH_MAX]; /* a folder; its `corpus` has the scenarios */
};

/* Seconds of a clock that only goes forward. */
double bench_now(void);

/* cli/bench_input.c */

/*
 * The scenarios, in memory and in a new folder. False after a message. The
 * second removes that folder.
 */
bool bench_prepare(struct bench *b);
void bench_clean_up(const struct bench *b);

/*
 * @nr_vcpus vCPUs, the first four APICs enabled, then random ops on those
 * four, @nr_ops in all but the creations beyond four. As @random says.
 */
void bench_scenario(struct scenario *out, uint32_t nr_vcpus, size_t nr_ops,
		    uint64_t *random);

/* cli/bench_rates.c: each measures once; 0 where it could not. */

double bench_empty(struct bench *b);
double bench_ref(struct bench *b);
double bench_model(struct bench *b);
double bench_attribution(struct bench *b);
double bench_vm(struct bench *b);
double bench_fresh(struct bench *b);
double bench_bare(struct bench *b);
double bench_reused(struct bench *b);
double bench_bare_twice(struct bench *b);
double bench_reused_twice(struct bench *b);
double bench_diff(struct bench *b);

/* cli/bench_search.c: engines, and what they find. */

/* One run of an engine, and what came of it. */
struct bench_search {
	const char *target;
	const char *corpus; /* a folder, or NULL: from nothing */
	int seed;
	int seconds;
	const char *options[4]; /* more, of engine and target; or NULL */
	double runs;
	double took; /* seconds */
	long coverage;
};

/* False: it cannot be had, or it failed. */
bool bench_search(struct bench_search *search);

/*
 * Coverage, and distinct differences from the architecture that were named,
 * after equal time from nothing: mutation of bytes as the engine has it, and
 * of ops. The n-th call has the n-th seed.
 */
double bench_coverage_bytes(struct bench *b);
double bench_coverage_ops(struct bench *b);
double bench_named_bytes(struct bench *b);
double bench_named_ops(struct bench *b);

/* cli/bench_scale.c: seconds a scenario, and memory. */

double bench_vcpus_few(struct bench *b);
double bench_vcpus_many(struct bench *b);
double bench_ops_few(struct bench *b);
double bench_ops_many(struct bench *b);
double bench_growth(struct bench *b);

/* cli/bench_guest.c: microseconds of a guest's commands in one KVM_RUN. */

double bench_command(struct bench *b);
double bench_commands(struct bench *b);

#endif
