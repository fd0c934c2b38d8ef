/*
 * Private to the verb report: one HTML page with findings, that needs nothing
 * else. It is well-formed XML as well. Whatever comes from files or from the
 * kernel goes through page_text().
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "cli/report.h"

enum { MEANING_MAX = 256 };

/* What the page has of each case at its top, with a link. */
struct page_row {
	const struct report_file *file;
	enum verdict_kind kind;
	bool ran;
	size_t nr_ops;
	char signature[SIGNATURE_MAX]; /* "": none */
	char explained[SIGNATURE_MAX]; /* the smallest set of rows, or "" */
};

struct page {
	const char *path;    /* what it is about, as on the command line */
	const char *against; /* NULL: each as it was found */
	const char *host;
	size_t nr_rows;
	const struct page_row *rows;
	const char *sections; /* of all cases, by page_case() */
	const struct fingerprint *fingerprint; /* NULL: not taken, */
	const char *no_fingerprint;	       /* because */
	const char *folder; /* maybe of `fuzz`: its history is there */
};

void page_row_fill(struct page_row *out, const struct report_case *c);

/* The section of row @nr: what differs, in words and as a picture. */
void page_case(FILE *out, const struct report_case *c, size_t nr);

/* The whole page. */
void page_write(FILE *out, const struct page *page);

/*
 * @text with what HTML gives a meaning escaped, in elements and attributes. '?'
 * for what is not UTF-8, is no character of XML, or turns the direction of
 * what is read.
 */
void page_text(FILE *out, const char *text);

/* The verdict on a coloured ground. */
void page_verdict_mark(FILE *out, const struct page_row *row);

/* cli/page_style.c */
extern const char page_style[];

/* cli/page_listing.c: the ops, with those of @moment marked; NULL: none. */
struct moment;
void page_listing(FILE *out, const struct scenario *s,
		  const struct moment *moment);

/* cli/page_differences.c: a table of what differs at @moment. */
void page_differences(FILE *out, const struct report_case *c,
		      const struct moment *moment);
/* The same of a verdict that is all there is. */
void page_verdict(FILE *out, const struct report_case *c);

/* cli/page_fingerprint.c, cli/page_history.c */
void page_fingerprint(FILE *out, const struct page *page);
void page_history(FILE *out, const struct page *page);

/* cli/picture.c */

/*
 * Who received what at @moment, expected beside got, with the vCPUs' modes and
 * IDs: an SVG.
 */
void picture_write(FILE *out, const struct report_case *c,
		   const struct moment *moment);

/* cli/meaning.c: values in words; "" where there are none. */

/*
 * What a value of observable @name, or of a part of the answer of @op, means.
 * @op NULL: of no op.
 */
void meaning_of_value(char out[MEANING_MAX], const struct op *op,
		      const char *name, uint64_t value);
/* What differs, by bits. */
void meaning_of_difference(char out[MEANING_MAX], const struct op *op,
			   const struct difference *d);
/* The answer of @op: "accepted", "refused: EINVAL (22)", "#GP", ... */
void meaning_of_answer(char out[MEANING_MAX], const struct op *op,
		       const struct answer *answer);
/* The message that op @op of @c sends; "" for one that sends none. */
void meaning_of_op(char out[MEANING_MAX], const struct report_case *c,
		   const struct moment *moment);

/* The first vector of APIC register @name, and its kind, as in "IRR". */
bool meaning_is_vectors(const char *name, uint32_t *out_first,
			const char **out_kind);

#endif
