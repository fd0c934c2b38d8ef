/* What changed between two recordings of a scenario, and what explains it. */
#ifndef ORACLE_COMPARE_H
#define ORACLE_COMPARE_H

#include "oracle/oracle.h"

enum change_kind {
	CHANGE_NONE,
	CHANGE_EXPLAINED, /* rows switched in the first one's set explain it */
	CHANGE_OPEN,	  /* under that set either is right */
	CHANGE_UNEXPLAINED,
	CHANGE_MODEL_FAILS, /* the model under that set is not the first one */
};

struct change {
	enum change_kind kind;
	/* Where the second one differs from the first, and its signature. */
	struct verdict verdict;
	/*
	 * EXPLAINED: the rows to switch; where several sets explain it, the one
	 * that goes best with what is known of the second one's rows.
	 */
	struct errata rows;
	struct errata perhaps; /* UNEXPLAINED: as in the verdict */
	/* MODEL_FAILS: how the model differs from the first one. */
	struct verdict model;
};

/* Two recordings of one scenario, in SCHEDULE_STRICT; .care: what is known. */
struct recorded_pair {
	const struct expectation *was;
	const struct expectation *now;
};

/*
 * @sides: the model, under the errata of the first recording, with those of
 * the second as what is usual. What is seen there is not used.
 */
void oracle_compare(struct change *out, const struct oracle_sides *sides,
		    const struct recorded_pair *pair, const struct scenario *s,
		    struct oracle_workspace *work);

#endif
