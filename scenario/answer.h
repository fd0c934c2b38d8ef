/* What an op is answered with. */
#ifndef SCENARIO_ANSWER_H
#define SCENARIO_ANSWER_H

#include <stdint.h>

/* What became of an instruction that a guest was to execute. */
enum outcome {
	OUTCOME_DONE,	   /* also of all ops that are not by=guest */
	OUTCOME_EXCEPTION, /* and it had no effect */
	/*
	 * The vCPU is not runnable: it waits for INIT or SIPI, or is halted, or
	 * its guest came to an end before.
	 */
	OUTCOME_NOT_RUN,
	OUTCOME_IMPOSSIBLE, /* see scenario/guest_memory.h */
	OUTCOME_HALTED,	    /* executed, and the vCPU waits for an event */
	OUTCOME_RESET,	    /* executed, and then the vCPU took an INIT */
	/* The guest's end: KVM_RUN's reasons to exit, or none in a long time. */
	OUTCOME_SHUTDOWN,
	OUTCOME_INTERNAL_ERROR,
	OUTCOME_FAIL_ENTRY,
	OUTCOME_OTHER_EXIT,
	OUTCOME_HANGS,
	/* Not run: KVM has an exception for it that it did not cause. */
	OUTCOME_EXCEPTION_WAITS,
};

/* The answer of one op. */
struct answer {
#define ANSWER(type, name) type name;
#include "scenario/answers.def"
};

#endif
