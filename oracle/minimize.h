/* Minimal scenarios that give the same verdict. */
#ifndef ORACLE_MINIMIZE_H
#define ORACLE_MINIMIZE_H

#include "oracle/oracle.h"

/* How far minimizing goes, and who wants to know. */
struct minimize_task {
	enum minimize_depth depth;
	long budget; /* how many ops are run, about; 0: as many as it takes */
	/* NULL, or asked before @candidate is run: false, it is not to be. */
	bool (*may_run)(void *context, const struct scenario *candidate);
	/* NULL, or told of each scenario that is smaller than the one before. */
	void (*tell)(void *context, const struct scenario *s,
		     const struct verdict *v);
	void *context;
};

/*
 * Make @s as small as it gets while examining it gives the same kind of
 * verdict, other than AGREE, and the same signature as @verdict; leave in
 * @verdict what that gives. Changes of fields only bring no rows into play
 * that were not before.
 */
void oracle_minimize(struct scenario *s, struct verdict *verdict,
		     const struct oracle_sides *sides,
		     const struct minimize_task *task,
		     struct oracle_workspace *work);

#endif
