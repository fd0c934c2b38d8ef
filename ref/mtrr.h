/* Private to ref/: the MTRRs and PAT of a vCPU. */
#ifndef REF_MTRR_H
#define REF_MTRR_H

#include <stdint.h>

enum {
	MSRS = 0
#define MSR(number, name) +1
#define MSR_READ_ONLY(number, name) +1
#define MSR_ABSENT(number, name) +1
#include "scenario/msrs.def"
};
_Static_assert(MSRS <= 64, "a set is one word");

/*
 * Of the exceptions that wait for a guest at once: the second is a double fault,
 * the third a shutdown.
 */
enum { EXCEPTIONS_MAX = 3 };

/* In the order of msrs.def; what was not written is as at reset. */
struct model_msrs {
	uint64_t written;
	uint64_t values[MSRS];
};

#endif
