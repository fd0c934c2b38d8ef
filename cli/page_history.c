/* Coverage and rate over time, as line charts of the page. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/history.h"
#include "cli/page.h"

/* In units of the picture. Values are drawn in steps of one unit. */
enum {
	WIDTH = 700,
	HEIGHT = 210,
	LEFT = 64,
	RIGHT = WIDTH - 64,
	TOP = 30,
	BOTTOM = HEIGHT - 40,
	TICKS_MAX = 6,
};

/* The samples of all runs one after the other, in seconds of fuzzing. */
struct timeline {
	const struct history *history;
	double *at; /* of each sample */
	double end;
};

static bool starts_run(const struct history *h, size_t i)
{
	return !i || h->samples[i].start != h->samples[i - 1].start;
}

static bool ends_run(const struct history *h, size_t i)
{
	return i + 1 == h->nr || starts_run(h, i + 1);
}

static void timeline_make(struct timeline *out, const struct history *h)
{
	double before = 0;

	out->history = h;
	out->at = memory_there(malloc((h->nr + 1) * sizeof(*out->at)));
	for (size_t i = 0; i < h->nr; i++) {
		if (i && starts_run(h, i))
			before = out->at[i - 1];
		out->at[i] = before + (double)h->samples[i].seconds;
	}
	out->end = h->nr && out->at[h->nr - 1] > 0 ? out->at[h->nr - 1] : 1;
}

static double coverage_of(const struct history *h, size_t i)
{
	return (double)h->samples[i].coverage;
}

static double corpus_of(const struct history *h, size_t i)
{
	return (double)h->samples[i].corpus;
}

/* Since the sample before, or the start of the run. */
static double rate_of(const struct history *h, size_t i)
{
	const struct sample *now = &h->samples[i];
	struct sample before = { 0 };

	if (!starts_run(h, i))
		before = h->samples[i - 1];
	if (now->seconds <= before.seconds || now->scenarios < before.scenarios)
		return -1;
	return (double)(now->scenarios - before.scenarios) /
	       (double)(now->seconds - before.seconds);
}

/* A value of each sample; negative, or 0 where @zero_is_none: none. */
struct series {
	const char *name, *style;
	double (*of)(const struct history *h, size_t i);
	bool zero_is_none;
	double top;
};

static bool value_of(double *out, const struct series *s,
		     const struct history *h, size_t i)
{
	*out = s->of(h, i);
	return *out > 0 || (*out == 0 && !s->zero_is_none);
}

/* 1, 2 or 5 times a power of ten: about a @parts-th of @range. */
static double tick_of(double range, int parts)
{
	double tick = 1;

	while (tick * 10 * parts <= range)
		tick *= 10;
	if (tick * 5 * parts <= range)
		return tick * 5;
	return tick * 2 * parts <= range ? tick * 2 : tick;
}

static void find_top(struct series *s, const struct history *h)
{
	double value, tick;

	s->top = 1;
	for (size_t i = 0; i < h->nr; i++)
		if (value_of(&value, s, h, i) && value > s->top)
			s->top = value;
	tick = tick_of(s->top, 4);
	s->top = tick * (double)(unsigned long)(s->top / tick + 1);
}

static int x_of(const struct timeline *t, double at)
{
	return LEFT + (int)((RIGHT - LEFT) * at / t->end);
}

static int y_of(const struct series *s, double value)
{
	return BOTTOM - (int)((BOTTOM - TOP) * value / s->top);
}

static void write_grid(FILE *out, const struct series *s, int x,
		       const char *anchor)
{
	double tick = tick_of(s->top, 4);

	for (double value = 0; value <= s->top; value += tick) {
		int y = y_of(s, value);

		if (x < LEFT)
			fprintf(out, "<path class=\"grid\" d=\"M%d %dH%d\"/>\n",
				LEFT, y, RIGHT);
		fprintf(out,
			"<text class=\"%s\" x=\"%d\" y=\"%d\" "
			"text-anchor=\"%s\">%.0f</text>\n",
			s->style, x, y + 4, anchor, value);
	}
	fprintf(out,
		"<text class=\"%s\" x=\"%d\" y=\"16\" text-anchor=\"%s\">%s"
		"</text>\n",
		s->style, x < LEFT ? 0 : WIDTH, x < LEFT ? "start" : "end",
		s->name);
}

/* Seconds, minutes, hours or days, as there are. */
static void write_time_axis(FILE *out, const struct timeline *t)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = { { 86400, "days" },
		      { 3600, "hours" },
		      { 60, "minutes" },
		      { 1, "seconds" } };
	size_t unit = 0;
	double tick;

	while (unit < 3 && t->end < 3 * units[unit].seconds)
		unit++;
	tick = tick_of(t->end / units[unit].seconds, TICKS_MAX);
	for (double value = 0; value * units[unit].seconds <= t->end;
	     value += tick)
		fprintf(out,
			"<text class=\"muted\" x=\"%d\" y=\"%d\" "
			"text-anchor=\"middle\">%.0f</text>\n",
			x_of(t, value * units[unit].seconds), BOTTOM + 16,
			value);
	fprintf(out,
		"<text class=\"muted\" x=\"%d\" y=\"%d\" "
		"text-anchor=\"middle\">%s of fuzzing</text>\n",
		(LEFT + RIGHT) / 2, BOTTOM + 34, units[unit].name);
	for (size_t i = 1; i < t->history->nr; i++)
		if (starts_run(t->history, i))
			fprintf(out, "<path class=\"seam\" d=\"M%d %dV%d\"/>\n",
				x_of(t, t->at[i - 1]), TOP, BOTTOM);
}

/* A run is a line; of samples on the same place the last one stands. */
static void write_curve(FILE *out, const struct series *s,
			const struct timeline *t)
{
	const struct history *h = t->history;
	bool drawn = false;
	double value;

	fprintf(out, "<path class=\"curve %s\" d=\"", s->style);
	for (size_t i = 0; i < h->nr; i++) {
		int x = x_of(t, t->at[i]);

		if (starts_run(h, i))
			drawn = false;
		if (!value_of(&value, s, h, i) ||
		    (!ends_run(h, i) && x_of(t, t->at[i + 1]) == x))
			continue;
		fprintf(out, "%s%d %d", drawn ? "L" : "M", x, y_of(s, value));
		/* A run of one sample is a dash. */
		if (!drawn && ends_run(h, i))
			fprintf(out, "h-4");
		drawn = true;
	}
	fputs("\"/>\n", out);
}

static void write_chart(FILE *out, const char *title, struct series *series,
			size_t nr, const struct timeline *t)
{
	fprintf(out,
		"<div class=\"wide\"><svg class=\"chart\" role=\"img\" "
		"viewBox=\"0 0 %d %d\">\n<title>%s</title>\n",
		WIDTH, HEIGHT, title);
	for (size_t i = 0; i < nr; i++) {
		find_top(&series[i], t->history);
		write_grid(out, &series[i], i ? RIGHT + 8 : LEFT - 8,
			   i ? "start" : "end");
	}
	write_time_axis(out, t);
	for (size_t i = 0; i < nr; i++)
		write_curve(out, &series[i], t);
	fputs("</svg></div>\n", out);
}

static void write_charts(FILE *out, const struct history *h)
{
	struct series coverage[] = {
		{ "coverage", "a", coverage_of, true, 0 },
		{ "corpus, inputs (dashed)", "b", corpus_of, true, 0 },
	};
	struct series rate = { "scenarios/s", "a", rate_of, false, 0 };
	struct timeline timeline;

	timeline_make(&timeline, h);
	write_chart(out, "Coverage and corpus over time", coverage, 2,
		    &timeline);
	write_chart(out, "Scenarios a second over time", &rate, 1, &timeline);
	free(timeline.at);
}

static void write_run(FILE *out, const struct sample *s)
{
	time_t start = (time_t)s->start;
	struct tm tm;
	char when[64] = "";

	if (gmtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(out,
		"<tr><td>%s</td><td>%s, %s</td><td class=\"number\">%llu</td>"
		"<td class=\"number\">%llu</td><td class=\"number\">%.0f</td>"
		"<td class=\"number\">%llu</td><td class=\"number\">%llu</td>"
		"<td>%llu found, %llu explained, %llu flaky</td></tr>\n",
		when, s->target, s->engine, s->seconds, s->scenarios,
		s->seconds ? (double)s->scenarios / (double)s->seconds : 0.0,
		s->coverage, s->corpus, s->found, s->explained, s->flaky);
}

/* The last samples of runs, which are what they came to. */
static void write_runs(FILE *out, const struct history *h)
{
	fputs("<div class=\"wide\"><table class=\"runs\">\n<thead><tr>"
	      "<th>run</th><th>target</th><th>seconds</th><th>scenarios</th>"
	      "<th>a second</th><th>coverage</th><th>corpus</th>"
	      "<th>new signatures</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < h->nr; i++)
		if (ends_run(h, i))
			write_run(out, &h->samples[i]);
	fputs("</tbody></table></div>\n", out);
}

void page_history(FILE *out, const struct page *page)
{
	struct history history;

	fputs("<section id=\"history\">\n<h2>Coverage and rate</h2>\n", out);
	if (!history_read(&history, page->folder) || !history.nr) {
		fputs("<p>No history: no " HISTORY_FILE " of <code>fuzz</code> "
		      "in <code>",
		      out);
		page_text(out, page->folder);
		fputs("</code>.</p>\n</section>\n", out);
		free(history.samples);
		return;
	}
	write_charts(out, &history);
	fputs("<p class=\"about\">All runs one after the other, parted by "
	      "dotted lines. Coverage is what the engine counts; only runs of "
	      "one target and engine are comparable.</p>\n",
	      out);
	write_runs(out, &history);
	fputs("</section>\n", out);
	free(history.samples);
}
