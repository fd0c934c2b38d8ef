/*
 * Private to scenario/: what the parsers of scenarios and of recordings have
 * in common. A parser stands at a place in a text, in a line.
 */
#ifndef SCENARIO_PARSER_H
#define SCENARIO_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"

/* A piece of the text. */
struct word {
	const char *at;
	size_t len;
};

struct parser {
	struct text_error *err;
	const char *line_start;
	const char *at;
	int line;
	/* Of the scenario so far. */
	size_t nr_vcpus;
	bool config_seen;
};

/*
 * Record an error at @where, which lies in the current line: how parsing
 * functions return that they failed.
 */
bool __attribute__((format(printf, 3, 4)))
parser_fail(struct parser *p, const char *where, const char *format, ...);

/* Words are quoted in messages; no more than this much of one. */
int word_quoted(struct word word);
bool word_is(struct word word, const char *name);
/* Decimal, or hexadecimal after 0x; false also where 64 bits do not do. */
bool word_number(struct word word, uint64_t *out);

/* Also where a comment begins. */
bool parser_at_end_of_line(const struct parser *p);
void parser_skip_blanks(struct parser *p);
/* From any place in a line to the next; false where there is none. */
bool parser_next_line(struct parser *p);
/* The longest run of characters that names and numbers are made of. */
struct word parser_word(struct parser *p);

/*
 * What follows @name in its line: the settings, or the fields of an op, which
 * is appended to @out. An op ends where the line does, or before "->".
 */
bool parser_config(struct parser *p, struct scenario *out, struct word name);
bool parser_op(struct parser *p, struct scenario *out, struct word name);

#endif
