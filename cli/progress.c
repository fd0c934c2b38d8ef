/* How a run of `fuzz` is shown: one line while it lasts, a table at its end. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/fuzz.h"

/* Of a terminal: to the start of the line, and nothing left in it. */
#define CLEAR_LINE "\r\033[K"

/* Seconds between lines that stay: one a minute, more often at first. */
enum { PERIOD_AT_FIRST = 10, PERIOD = 60 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void progress_start(struct progress *out)
{
	out->start = now();
	out->last_shown = 0;
	out->terminal = isatty(STDERR_FILENO);
}

/* All jobs as one. They share a corpus, so the largest has nearly all. */
struct sums {
	struct fuzz_stats stats;
	bool has_stats;
	double seconds;
	double rate;
	unsigned long long runs;
	long coverage;
	long corpus;
	double stability; /* 0: not told */
};

static void add_up(struct sums *out, const struct progress *p,
		   const struct jobs *jobs)
{
	memset(out, 0, sizeof(*out));
	out->seconds = now() - p->start;
	for (unsigned int i = 0; i < jobs->nr; i++) {
		const struct job *job = &jobs->job[i];

		out->runs += job->runs;
		if (job->coverage > out->coverage)
			out->coverage = job->coverage;
		if (job->corpus > out->corpus)
			out->corpus = job->corpus;
		if (!i || job->stability < out->stability)
			out->stability = job->stability;
	}
	out->has_stats = jobs_stats(&out->stats, jobs);
	if (out->has_stats)
		out->runs = out->stats.scenarios;
	out->rate = (double)out->runs / out->seconds;
}

void progress_show(struct progress *p, struct jobs *jobs)
{
	double seconds = now() - p->start;
	double period = seconds < PERIOD + 1 ? PERIOD_AT_FIRST : PERIOD;
	struct sums sums;

	if (seconds < p->last_shown + (p->terminal ? 1 : period))
		return;
	p->last_shown = seconds;
	if (jobs->arguments->engine == ENGINE_AFL)
		for (unsigned int i = 0; i < jobs->nr; i++)
			afl_read_files(&jobs->job[i], jobs->arguments->out);
	add_up(&sums, p, jobs);
	fprintf(stderr, "%s%4.0f s", p->terminal ? CLEAR_LINE : "",
		sums.seconds);
	/* What is not told yet is not shown. */
	if (sums.runs)
		fprintf(stderr, "  %llu scenarios (%.0f/s)", sums.runs,
			sums.rate);
	if (sums.coverage)
		fprintf(stderr, "  coverage %ld", sums.coverage);
	if (sums.corpus)
		fprintf(stderr, "  corpus %ld", sums.corpus);
	if (sums.has_stats)
		fprintf(stderr, "  new: %llu found %llu explained %llu flaky",
			(unsigned long long)sums.stats.new_diverge,
			(unsigned long long)sums.stats.new_explained,
			(unsigned long long)sums.stats.new_flaky);
	fputs(p->terminal ? "" : "\n", stderr);
}

void progress_say(const struct progress *p, const char *line)
{
	fprintf(stderr, "%s%s\n", p->terminal ? CLEAR_LINE : "", line);
}

static void print_verdict(const char *name, uint64_t scenarios,
			  uint64_t new_signatures)
{
	printf("%-10s %12llu %16llu\n", name, (unsigned long long)scenarios,
	       (unsigned long long)new_signatures);
}

void progress_sum_up(struct progress *p, const struct jobs *jobs)
{
	struct sums sums;

	add_up(&sums, p, jobs);
	if (p->terminal)
		fputs(CLEAR_LINE, stderr);
	if (sums.has_stats) {
		const struct fuzz_stats *stats = &sums.stats;

		printf("%-10s %12s %16s\n", "verdict", "scenarios",
		       "new signatures");
		print_verdict("found", stats->diverge, stats->new_diverge);
		print_verdict("explained", stats->explained,
			      stats->new_explained);
		print_verdict("flaky", stats->flaky, stats->new_flaky);
		printf("%-10s %12llu\n", "agree",
		       (unsigned long long)(stats->scenarios - stats->diverge -
					    stats->explained - stats->flaky));
	}
	printf("%-10s %12llu in %.0f s, %.0f/s; coverage %ld, corpus %ld",
	       "all", sums.runs, sums.seconds, sums.rate, sums.coverage,
	       sums.corpus);
	if (sums.stability > 0)
		printf(", stability %.2f %%", sums.stability);
	fputs("\n\n", stdout);
}
