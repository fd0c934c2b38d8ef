/* What becomes of time as scenarios grow, and of memory as they run. */
#include <unistd.h>

#include "cli/bench.h"

enum {
	FEW_VCPUS = 4,
	MANY_VCPUS = VCPUS_MAX,
	MANY_OPS = 256,
	RUNS = 300,
	RUNS_GROWTH = 20000,
};

/* Microseconds a scenario of that size takes on a VM that is used again. */
static double time_of(struct bench *b, uint32_t nr_vcpus, size_t nr_ops)
{
	const struct model_setup setup = { .errata = b->sides.oracle.errata };
	static struct scenario scenario;
	struct verdict verdict;
	uint64_t random = 77;
	double start = 0;

	bench_scenario(&scenario, nr_vcpus, nr_ops, &random);
	for (int i = -2; i < RUNS; i++) {
		if (i == 0)
			start = bench_now();
		model_run(&b->expected, &scenario, &setup);
		kvmdrv_run(b->sides.drv, &b->got, &scenario, SCHEDULE_FAST);
		oracle_judge(&verdict, &b->expected, &b->got);
	}
	return (bench_now() - start) / RUNS * 1e6;
}

double bench_vcpus_few(struct bench *b)
{
	return time_of(b, FEW_VCPUS, BENCH_OPS) / FEW_VCPUS;
}

double bench_vcpus_many(struct bench *b)
{
	return time_of(b, MANY_VCPUS, BENCH_OPS) / MANY_VCPUS;
}

double bench_ops_few(struct bench *b)
{
	return time_of(b, FEW_VCPUS, BENCH_OPS) / BENCH_OPS;
}

double bench_ops_many(struct bench *b)
{
	return time_of(b, FEW_VCPUS, MANY_OPS) / MANY_OPS;
}

static double resident_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	if (!statm)
		return 0;
	if (fscanf(statm, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	fclose(statm);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* KiB that this process has grown by, after its VMs are all there. */
double bench_growth(struct bench *b)
{
	double before;

	for (int i = 0; i < 2 * BENCH_SCENARIOS; i++)
		kvmdrv_run(b->sides.drv, &b->got,
			   &b->scenarios[i % BENCH_SCENARIOS], SCHEDULE_FAST);
	before = resident_kib();
	for (int i = 0; i < RUNS_GROWTH; i++)
		kvmdrv_run(b->sides.drv, &b->got,
			   &b->scenarios[i % BENCH_SCENARIOS], SCHEDULE_FAST);
	return resident_kib() - before;
}
