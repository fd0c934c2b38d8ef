/* Progress of what has a known length. */
#include "cli/ticker.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Of a terminal: to the start of the line, and nothing left in it. */
#define CLEAR_LINE "\r\033[K"

/* Seconds. */
enum { SILENCE = 2, PERIOD_TERMINAL = 1, PERIOD = 10 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void ticker_start(struct ticker *out, const char *what)
{
	*out = (struct ticker){ .what = what,
				.start = now(),
				.terminal = isatty(STDERR_FILENO) };
}

void ticker_show(struct ticker *ticker, size_t done, size_t total)
{
	double time = now();

	if (time - ticker->start < SILENCE ||
	    (ticker->shown > 0 &&
	     time - ticker->shown <
		     (ticker->terminal ? PERIOD_TERMINAL : PERIOD)))
		return;
	ticker->shown = time;
	fprintf(stderr, "%s%4.0f s  %zu of %zu %s%s",
		ticker->terminal ? CLEAR_LINE : "", time - ticker->start, done,
		total, ticker->what, ticker->terminal ? "" : "\n");
}

void ticker_end(struct ticker *ticker)
{
	if (ticker->terminal && ticker->shown > 0)
		fputs(CLEAR_LINE, stderr);
}
