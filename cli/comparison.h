/* Private to cli/: what changed from one recording to another. */
#ifndef CLI_COMPARISON_H
#define CLI_COMPARISON_H

#include "cli/cli.h"
#include "cli/fingerprint.h"
#include "oracle/compare.h"
#include "scenario/recording.h"

/* One of the two, as far as it has been read. */
struct compared {
	const char *name; /* the file, or "host" */
	char *text;	  /* all of it */
	char label[3 * HOST_NAME_MAX_LEN];
	struct recording_head head;
	struct errata errata; /* the rows that are present */
	enum presence rows[ERRATA];
	char why[ERRATA][WHY_MAX]; /* of what is undetermined */
	struct recording_reader reader;
	struct recording_entry entry; /* while .more is RECORDING_ENTRY */
	enum recording_more more;
};

/* Scenarios that changed in the same way, for the same reason. */
struct change_group {
	enum change_kind kind;
	char signature[SIGNATURE_MAX];
	/* EXPLAINED: the rows; UNEXPLAINED: perhaps; MODEL_FAILS: how. */
	char rows[SIGNATURE_MAX];
	size_t nr;
	/* The shortest of them: where it differs, and how. */
	char example[RECORDING_NAME_MAX];
	size_t nr_ops;
	char place[SIGNATURE_MAX];
	uint32_t nr_differences; /* may exceed the array */
	struct difference differences[DIFFERENCES_MAX];
};

/* A scenario that was not compared. */
struct left_out {
	char name[RECORDING_NAME_MAX];
	char why[RECORDING_VALUE_MAX + 16];
};

struct comparison {
	struct compared was;
	struct compared now;
	size_t nr_compared;
	size_t nr_changed;
	size_t nr_groups;
	struct change_group *groups; /* the largest first */
	size_t nr_left_out;
	struct left_out *left_out;
};

/*
 * Start reading @side->text: its head, and the first entry. False after a
 * message.
 */
bool compared_start(struct compared *side);

/* The same of the file @path. */
bool compared_read(struct compared *out, const char *path);

/* The next entry, into .entry and .more. False after a message. */
bool compared_next(struct compared *side);

/* Compare all that both have. False after a message: a file is bad. */
bool comparison_make(struct comparison *comparison);

/* What changed of a row. */
enum row_change { ROW_SAME, ROW_GAINED, ROW_LOST, ROW_UNDETERMINED };
enum row_change comparison_row(const struct comparison *comparison,
			       uint32_t row);

/* In words, why a group of scenarios changed. */
void change_reason(char *out, size_t cap, const struct change_group *group);

/* On stdout. */
void comparison_print_text(const struct comparison *comparison);
void comparison_print_md(const struct comparison *comparison);
void comparison_print_json(const struct comparison *comparison);

#endif
