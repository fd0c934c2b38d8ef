/* Which errata tell two expectations apart, and how that is said. */
#ifndef ORACLE_EXPLAIN_H
#define ORACLE_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "scenario/observation.h"

/* How many bits two expectations promise differently, and whose side @got is. */
struct telling {
	uint32_t differ;
	uint32_t like_first;
	uint32_t like_second;
};

/*
 * @got may be one side's want. Bits that either does not promise do not count;
 * but where nothing else tells them apart, what only @first promises does: as
 * like the first where all of it is there, else as like the second.
 */
void oracle_tell(struct telling *out, const struct expectation *first,
		 const struct expectation *second,
		 const struct observation *got);

/* "+row -row" for an explanation, against the set @active. */
void explanation_text(char *out, size_t cap, const struct errata *explanation,
		      const struct errata *active,
		      const char *(*row_name)(uint32_t row));

#endif
