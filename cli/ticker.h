/* Private to cli/: a line that says how far something is that takes long. */
#ifndef CLI_TICKER_H
#define CLI_TICKER_H

#include <stdbool.h>
#include <stddef.h>

struct ticker {
	const char *what; /* such as "scenarios recorded" */
	double start;
	double shown; /* 0: not yet */
	bool terminal;
};

void ticker_start(struct ticker *out, const char *what);

/*
 * @done of @total: shown on stderr after two seconds, then every second on a
 * terminal, else every ten.
 */
void ticker_show(struct ticker *ticker, size_t done, size_t total);

/* Leaves nothing of it on a terminal. */
void ticker_end(struct ticker *ticker);

#endif
