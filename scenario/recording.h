/*
 * A recording: what a host, or the model in its place, showed of many
 * scenarios, with what there is to say of the host. One text file, which
 * docs/record.md describes; it is written and read one scenario at a time.
 */
#ifndef SCENARIO_RECORDING_H
#define SCENARIO_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scenario/observation.h"
#include "scenario/scenario.h"

enum {
	RECORDING_KEY_MAX = 128,
	RECORDING_VALUE_MAX = 384,
	RECORDING_NAME_MAX = 1024,
	RECORDING_FACTS_MAX = 512,
};

/*
 * One line of the head: the key is "kernel", "module", "cpu" or "model"; or
 * "parameter", "capability" or "row" and a name, with one blank between. A
 * row's value is present, absent or undetermined, and may go on with why.
 */
struct recording_fact {
	char key[RECORDING_KEY_MAX];
	char value[RECORDING_VALUE_MAX];
};

struct recording_head {
	size_t nr_facts;
	struct recording_fact facts[RECORDING_FACTS_MAX];
};

struct recording_entry {
	char name[RECORDING_NAME_MAX];
	/* Why it did not run; if that is not empty there is nothing else. */
	char not_run[RECORDING_VALUE_MAX];
	struct scenario scenario;
	/*
	 * What was shown, in SCHEDULE_STRICT. Only the bits in .care are known:
	 * MP_STATE is where it is read, and of the model what it promises.
	 */
	struct expectation shown;
};

/*
 * Add a fact, cut to what there is room for; control characters become '?'.
 * False when there is no room for one more.
 */
bool recording_add(struct recording_head *head, const char *key,
		   const char *value);

/* The value of @key, or NULL. */
const char *recording_value(const struct recording_head *head, const char *key);

/* May this be the name of an entry? It is short, printable, and not empty. */
bool recording_name_is_good(const char *name);

/*
 * A file is the head, entries in ascending order of their names (strcmp), and
 * the end with the number of entries. Reading gives what was written.
 */
void recording_write_head(FILE *out, const struct recording_head *head);
void recording_write_entry(FILE *out, const struct recording_entry *entry);
void recording_write_end(FILE *out, size_t nr_entries);

/*
 * Fill @shown->care, where @shown->want and @again are two runs of @s on a
 * host: what is the same in both is known. False: not all is.
 */
bool recording_know(struct expectation *shown, const struct scenario *s,
		    const struct observation *again);

/* Where reading is. */
struct recording_reader {
	const char *at; /* the start of a line of the caller's text */
	int line;
	size_t nr_entries;
	char last_name[RECORDING_NAME_MAX];
};

/*
 * Start reading @text, which ends with a NUL and stays the caller's: the head.
 * False: @err says where and what is wrong.
 */
bool recording_read_head(struct recording_reader *out,
			 struct recording_head *out_head,
			 struct text_error *err, const char *text);

enum recording_more { RECORDING_ENTRY, RECORDING_END, RECORDING_BAD };

/*
 * The next entry; or the end, when all is read, and then @out is as it was; or
 * @err says what is wrong.
 */
enum recording_more recording_read_entry(struct recording_entry *out,
					 struct text_error *err,
					 struct recording_reader *reader);

#endif
