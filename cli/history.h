/*
 * Private to cli/: how runs of `fuzz` went, in a file of their output folder.
 * Text: a line that says what it is, then one line a sample, whose fields are
 * separated by tabs. Runs go on in the same file.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define HISTORY_FILE "history.tsv"

enum { HISTORY_WORD_MAX = 16 };

/* What a run had come to after some seconds. */
struct sample {
	unsigned long long start; /* of the run: seconds since 1970 */
	unsigned long long seconds;
	unsigned long long scenarios;
	/* In the engine's own count; 0: not told yet. */
	unsigned long long coverage;
	unsigned long long corpus;
	/* New signatures. */
	unsigned long long found;
	unsigned long long explained;
	unsigned long long flaky;
	char target[HISTORY_WORD_MAX];
	char engine[HISTORY_WORD_MAX];
};

/*
 * Put @sample at the end of the history in @folder. False and errno: it is not
 * there, or not whole, and then those who read pass it over.
 */
bool history_add(const char *folder, const struct sample *sample);

struct history {
	size_t nr;
	struct sample *samples; /* by start, then by seconds; free() it */
};

/*
 * All samples in @folder. Lines that are not whole are passed over. False where
 * there is no history of this version; @out is then empty.
 */
bool history_read(struct history *out, const char *folder);

#endif
