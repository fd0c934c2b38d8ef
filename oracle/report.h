/*
 * Reports and the folders that they are kept in.
 *
 * A finding is one folder, DIR/<hash of the signature>/, that appears whole:
 *   report.scn  a runnable scenario; the verdict is in its comments
 *   input.bin   the same scenario as bytes, for the fuzz targets
 *   meta.json   the verdict for programs
 *   hits        how often it was seen, as text
 */
#ifndef ORACLE_REPORT_H
#define ORACLE_REPORT_H

#include <stdio.h>

#include "oracle/oracle.h"

/* Where a verdict comes from. Strings belong to the caller. */
struct report_about {
	const struct oracle_sides
		*sides;	     /* names of rows, and the active set */
	const char *against; /* the set of errata, as on the command line */
	const char *host;    /* kernel, vendor module, CPU: one line */
	/* May be NULL: more options for `run`, and more lines of comment. */
	const char *again;
	void (*print_more)(FILE *out, const struct scenario *s);
	/* What the kernel logged of itself: lines, or NULL for nothing. */
	const char *kernel_log;
};

/*
 * Write @s as a scenario file whose comments hold the verdict. For AGREE the
 * comments say so.
 */
void report_write(FILE *out, const struct scenario *s, const struct verdict *v,
		  const struct report_about *about);

const char *verdict_name(enum verdict_kind kind);

enum finding_result {
	FINDING_NEW,
	FINDING_KNOWN,	/* counted up */
	FINDING_FAILED, /* nothing was changed; errno says why */
};

/*
 * Is there a finding with this verdict's signature in @dir? Then count it up.
 * FINDING_NEW says that there is none yet; nothing is written then.
 */
enum finding_result finding_count_up(const char *dir, const struct verdict *v);

/*
 * Keep a finding in @dir, which is created if need be. Where another process
 * was faster, it is counted up instead.
 */
enum finding_result finding_save(const char *dir, const struct scenario *s,
				 const struct verdict *v,
				 const struct report_about *about);

/*
 * Put the shorter scenario @s in the place of what the finding with this
 * signature has. Each file of it is the old one or the whole new one.
 */
enum finding_result finding_shorten(const char *dir, const struct scenario *s,
				    const struct verdict *v,
				    const struct report_about *about);

#endif
