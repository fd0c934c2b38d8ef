/* How a run of `fuzz` is shown: one line while it lasts, a table at its end. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/fuzz.h"
#include "cli/history.h"

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
	out->started = time(NULL);
	out->last_shown = 0;
	out->last_kept = 0;
	out->cannot_keep = false;
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

static unsigned long long not_negative(long number)
{
	return number > 0 ? (unsigned long long)number : 0;
}

/* For the history of the output folder. That it fails is told once. */
static void keep(struct progress *p, const struct jobs *jobs,
		 const struct sums *sums)
{
	const struct fuzz_arguments *arguments = jobs->arguments;
	struct sample sample = {
		.start = (unsigned long long)p->started,
		.seconds = (unsigned long long)(sums->seconds + 0.5),
		.scenarios = sums->runs,
		.coverage = not_negative(sums->coverage),
		.corpus = not_negative(sums->corpus),
		.found = sums->stats.new_diverge,
		.explained = sums->stats.new_explained,
		.flaky = sums->stats.new_flaky,
	};

	snprintf(sample.target, sizeof(sample.target), "%s",
		 arguments->target->name);
	snprintf(sample.engine, sizeof(sample.engine), "%s",
		 arguments->engine == ENGINE_AFL ? "afl" : "libfuzzer");
	if (p->cannot_keep || history_add(arguments->out, &sample))
		return;
	p->cannot_keep = true;
	fprintf(stderr, "%s%s/" HISTORY_FILE ": cannot write: %s\n",
		p->terminal ? CLEAR_LINE : "", arguments->out, strerror(errno));
}

static void show(const struct progress *p, const struct sums *sums)
{
	fprintf(stderr, "%s%4.0f s", p->terminal ? CLEAR_LINE : "",
		sums->seconds);
	/* What is not told yet is not shown. */
	if (sums->runs)
		fprintf(stderr, "  %llu scenarios (%.0f/s)", sums->runs,
			sums->rate);
	if (sums->coverage)
		fprintf(stderr, "  coverage %ld", sums->coverage);
	if (sums->corpus)
		fprintf(stderr, "  corpus %ld", sums->corpus);
	if (sums->has_stats)
		fprintf(stderr, "  new: %llu found %llu explained %llu flaky",
			(unsigned long long)sums->stats.new_diverge,
			(unsigned long long)sums->stats.new_explained,
			(unsigned long long)sums->stats.new_flaky);
	fputs(p->terminal ? "" : "\n", stderr);
}

void progress_show(struct progress *p, struct jobs *jobs)
{
	double seconds = now() - p->start;
	double period = seconds < PERIOD + 1 ? PERIOD_AT_FIRST : PERIOD;
	bool is_kept = seconds >= p->last_kept + period;
	struct sums sums;

	if (seconds < p->last_shown + (p->terminal ? 1 : period) && !is_kept)
		return;
	p->last_shown = seconds;
	if (jobs->arguments->engine == ENGINE_AFL)
		for (unsigned int i = 0; i < jobs->nr; i++)
			afl_read_files(&jobs->job[i], jobs->arguments->out);
	add_up(&sums, p, jobs);
	if (is_kept) {
		p->last_kept = seconds;
		keep(p, jobs, &sums);
	}
	show(p, &sums);
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
	keep(p, jobs, &sums);
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
