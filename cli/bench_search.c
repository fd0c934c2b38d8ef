/* Searches of an engine that are measured, and what they find. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "scenario/check.h"

/* Of a search that is measured by what it finds, in bench.seconds. */
enum { SECONDS_FACTOR = 4 };

bool bench_search(struct bench_search *search)
{
	char binary[PATH_MAX], seconds[48], seed[32], line[1024];
	char *argv[16] = { binary, "-print_final_stats=1", seconds, seed };
	size_t nr = 4;
	struct engine engine;
	int got;

	if (!engine_find(binary, search->target))
		return false;
	snprintf(seconds, sizeof(seconds), "-max_total_time=%d",
		 search->seconds);
	snprintf(seed, sizeof(seed), "-seed=%d", search->seed);
	for (size_t i = 0; i < ARRAY_SIZE(search->options); i++)
		if (search->options[i])
			argv[nr++] = (char *)search->options[i];
	argv[nr++] = (char *)search->corpus;
	search->took = -bench_now();
	if (!engine_start(&engine, argv))
		return false;
	while ((got = engine_line(&engine, line, sizeof(line), 1000)) >= 0) {
		const char *runs = strstr(line, "number_of_executed_units: ");
		const char *coverage = strstr(line, " cov: ");

		if (got > 0 && runs)
			search->runs = atof(runs + 26);
		if (got > 0 && coverage)
			search->coverage = atol(coverage + 6);
	}
	search->took += bench_now();
	return engine_wait(&engine) == 0;
}

static long count_folders(const char *dir, const char *name)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *folder = NULL;
	long nr = 0;

	if (path_join(path, dir, name))
		folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL)
		nr += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return nr;
}

/* Measured once, counted twice. */
struct gain {
	long coverage[BENCH_RUNS_MAX];
	long named[BENCH_RUNS_MAX];
	int measured;
	int coverage_read;
	int named_read;
};

static bool search_once(struct bench *b, const char *target, struct gain *gain)
{
	char dir[PATH_MAX + 64], out[PATH_MAX + 72];
	struct bench_search search = {
		.target = target,
		.seed = gain->measured + 1,
		.seconds = SECONDS_FACTOR * atoi(b->seconds),
		.options = { "-max_len=512", "--against=arch", out },
	};

	snprintf(dir, sizeof(dir), "%s/%s-%d", b->scratch, target,
		 gain->measured);
	snprintf(out, sizeof(out), "--out=%s", dir);
	if (!path_make(dir) || !bench_search(&search))
		return false;
	gain->coverage[gain->measured] = search.coverage;
	gain->named[gain->measured] = count_folders(dir, "explained") +
				      count_folders(dir, "findings");
	gain->measured++;
	return true;
}

static double next(struct bench *b, const char *target, struct gain *gain,
		   bool coverage)
{
	int *read = coverage ? &gain->coverage_read : &gain->named_read;

	if (*read == gain->measured && !search_once(b, target, gain))
		return 0;
	return (double)(coverage ? gain->coverage : gain->named)[(*read)++];
}

static struct gain bytes, ops;

double bench_coverage_bytes(struct bench *b)
{
	return next(b, "diff_bytes", &bytes, true);
}

double bench_coverage_ops(struct bench *b)
{
	return next(b, "diff", &ops, true);
}

double bench_named_bytes(struct bench *b)
{
	return next(b, "diff_bytes", &bytes, false);
}

double bench_named_ops(struct bench *b)
{
	return next(b, "diff", &ops, false);
}
