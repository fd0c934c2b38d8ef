/* Private to cli/: the verbs, and what they share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "kvmdrv/kvmdrv.h"
#include "oracle/report.h"
#include "ref/model.h"
#include "scenario/scenario.h"

enum exit_status {
	EXIT_AGREE = 0,
	EXIT_DIVERGE = 1,
	EXIT_USAGE = 2,
	EXIT_HARNESS = KVMDRV_EXIT_HARNESS,
	EXIT_SKIP = 4,
};

/* The worse of two; a skip is better than anything but agreement. */
enum exit_status exit_status_worse(enum exit_status a, enum exit_status b);

/* argv[0] is "kvmerrata VERB". The result is an exit status. */
int verb_bench(int argc, char **argv);
int verb_compare(int argc, char **argv);
int verb_convert(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_emit_c(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_fingerprint(int argc, char **argv);
int verb_fuzz(int argc, char **argv);
int verb_minimize(int argc, char **argv);
int verb_record(int argc, char **argv);
int verb_regress(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_run(int argc, char **argv);

/* Rows of argp that several verbs have. */
#define OPTION_KVM                                                       \
	{                                                                \
		"kvm", 'k', "PATH", 0,                                   \
			"the KVM device (default: " KVMDRV_DEVICE ")", 0 \
	}
#define OPTION_AGAINST                                                      \
	{                                                                   \
		"against", 'a', "SET", 0,                                   \
			"errata that the model is under: arch, documented " \
			"(default), "                                       \
			"observed, with rows switched, as in "              \
			"documented,-alias_lowest_vcpu_id; or host: what "  \
			"`fingerprint` "                                    \
			"finds here; or a FILE that it or `record` wrote",  \
			0                                                   \
	}
#define OPTION_HOST                                                            \
	{                                                                      \
		"host", 'H', "SET", 0,                                         \
			"run nothing on this host: in the place of a host is " \
			"the model under this SET, such as the FILE.json of "  \
			"`fingerprint`",                                       \
			0                                                      \
	}
#define OPTION_DANGEROUS                                                     \
	{                                                                    \
		"dangerous", 'D', NULL, 0,                                   \
			"run also what may damage this kernel, or fill its " \
			"log",                                               \
			0                                                    \
	}
#define OPTION_BYTES                                                        \
	{                                                                   \
		"bytes", 'b', NULL, 0,                                      \
			"the input is bytes, even if it looks like text", 0 \
	}

/* cli/input.c */

enum input_form { INPUT_GUESS, INPUT_BYTES };

/*
 * Read a scenario from @path, or from standard input for "-". A name that ends
 * in .scn, or a file of printable characters only, is text; anything else, or
 * INPUT_BYTES, is bytes. What is wrong goes to stderr as
 * FILE:LINE:COLUMN: message, and the result is false.
 */
bool input_read(struct scenario *out, const char *path, enum input_form form,
		bool *out_is_text);

/*
 * The next line of the comments that a scenario file begins with, from @at on,
 * without what makes it one and with '?' for control characters; NULL at their
 * end, otherwise where to go on. The first @at is the file's text.
 */
const char *input_comment(char *out, size_t cap, const char *at);

/*
 * Up to @cap - 1 bytes of a file, as a string. False, without a message, and
 * "": it cannot be read.
 */
bool input_text(char *out, size_t cap, const char *path);

/* cli/output.c */

/* @dir/@name. False after a message: it is too long. */
bool path_join(char out[PATH_MAX], const char *dir, const char *name);

/* Make folder @path if it is not there. False after a message. */
bool path_make(const char *path);

/* A file that appears under its name when it is whole. */
struct output {
	FILE *file;
	const char *path; /* NULL: standard output */
	char temporary[PATH_MAX];
	sigset_t signals; /* those that waited before it was open */
};

/*
 * @path NULL or "-" is standard output. False: said on stderr. Interrupts wait
 * until it is in its place, so write what is at hand.
 */
bool output_open(struct output *out, const char *path);
/* Put it in its place. False: said on stderr, and nothing is left. */
bool output_commit(struct output *out);

/* cli/engine.c */

/* A fuzz target under its engine, in a process of its own. */
struct engine {
	int pid;
	int output; /* what it prints, to be read; does not block */
	size_t len; /* read, but not yet given out */
	char read[4096];
};

/*
 * The path of fuzz target @target's binary, or of file @name that was built
 * with them: beside this program, or where KVMERRATA_FUZZ_DIR says. False after
 * a message where there is none.
 */
bool engine_find(char out[PATH_MAX], const char *target);
bool engine_file(char out[PATH_MAX], const char *name);

/*
 * Start @argv[0], a path or a program on PATH; a null ends the list. False
 * after a message.
 */
bool engine_start(struct engine *out, char *const argv[]);

/*
 * The next line that it prints, without its end, within @timeout_ms: 1, or 0
 * when there was none in time, or -1 at the end of its output.
 */
int engine_line(struct engine *engine, char *out, int cap, int timeout_ms);

/* Wait for its end: its exit status, or 128 + the signal that ended it. */
int engine_wait(struct engine *engine);

/*
 * The same without waiting: false while it runs. Then @engine->output is still
 * open, to be read to its end and closed.
 */
bool engine_ended(struct engine *engine, int *out);

/* cli/memory.c */

/* @memory; where it is NULL the process ends with a HARNESS line. */
void *memory_there(void *memory);

/* cli/summary.c */

/* Print the findings in @dir, the most frequent first; returns how many. */
size_t summary_print(FILE *out, const char *dir, const char *title);

#endif
