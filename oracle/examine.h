/* Private to oracle/: what the parts of an examination call of one another. */
#ifndef ORACLE_EXAMINE_H
#define ORACLE_EXAMINE_H

#include "oracle/oracle.h"

/*
 * Find what explains a DIVERGE verdict, and add that to its signature, which
 * may make it EXPLAINED.
 */
void oracle_attribute(struct verdict *verdict, const struct oracle_sides *sides,
		      const struct scenario *s, enum schedule schedule,
		      struct oracle_workspace *work);

/*
 * Judge work->got against the model under @errata, whatever the choices that
 * the manuals leave; a bounded number of lists of them is tried. Where none
 * agrees, the one that agrees for longest is left in @work, and judged.
 */
void oracle_settle(struct verdict *out, const struct oracle_sides *sides,
		   const struct scenario *s, const struct errata *errata,
		   enum schedule schedule, struct oracle_workspace *work);

/* Promise no bit that is not @known. */
void oracle_keep_known(struct observation *care,
		       const struct observation *known);

/*
 * What differs at @step may show there only because the state is read there:
 * the op that made it differ, found by running beginnings of @s, where they
 * can be run. @work is used up.
 */
uint32_t oracle_find_cause(const struct oracle_sides *sides,
			   const struct scenario *s, uint32_t step,
			   struct oracle_workspace *work);

#endif
