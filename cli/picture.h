/*
 * Private to the verb report: a picture before it is drawn. picture_rows.c says
 * what stands in it, picture.c draws that.
 */
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include "cli/effects.h"

enum { LINES_MAX = 20, LINE_MAX_LEN = 96, ROWS_SHOWN_MAX = 12 };

/* Text in lines that fit, each in the style of a class of page_style. */
struct lines {
	size_t nr;
	struct {
		const char *style;
		char text[LINE_MAX_LEN];
	} line[LINES_MAX];
};

/* @text as lines of at most @columns characters, after those that there are. */
void lines_add(struct lines *to, size_t columns, const char *style,
	       const char *text);

/* What goes from the op to a vCPU. */
enum arrow { ARROW_NONE, ARROW_PLAIN, ARROW_LOST, ARROW_WRONG, ARROW_OPEN };

/* A vCPU: what it is, and what it was to receive and received. */
struct picture_row {
	uint32_t vcpu;
	bool refused;
	bool differs;
	struct lines box, want, got;
	enum arrow want_arrow, got_arrow;
};

struct picture {
	struct lines op;
	struct lines want, got; /* the answers */
	bool answer_differs;
	size_t nr_rows;
	struct picture_row rows[ROWS_SHOWN_MAX];
	size_t nr_others;	  /* vCPUs that are not shown, */
	size_t nr_others_changed; /* and those of them that changed */
	bool read_before;
	bool has_open; /* something that the manuals leave open */
};

/* Columns of text in the lanes, in a vCPU's box and in the op's. */
enum { LANE_COLUMNS = 21, BOX_COLUMNS = 32, OP_COLUMNS = 80 };

void picture_fill(struct picture *out, const struct report_case *c,
		  const struct moment *moment);

#endif
