/*
 * Minimal scenarios: delta debugging over ops, then over fields, as long as
 * something holds of the scenario. Knows ops and fields from the tables only.
 */
#ifndef SCENARIO_MINIMIZE_H
#define SCENARIO_MINIMIZE_H

#include <stdbool.h>

#include "scenario/scenario.h"

enum minimize_depth {
	MINIMIZE_OPS,	 /* drop ops */
	MINIMIZE_FIELDS, /* also fewer vCPUs, and plainer fields */
};

struct minimizer {
	/*
	 * Does what is to be kept hold of @s? Equal scenarios should get equal
	 * answers; then equal scenarios have equal minima.
	 */
	bool (*holds)(void *context, const struct scenario *s);
	void *context;
	enum minimize_depth depth;
	/* For holds(): what is tried differs in nothing but fields. */
	bool in_fields;
	struct scenario candidate; /* private */
};

/*
 * Make @s, of which it holds, as small as it gets: first ops, then vCPUs count,
 * then how far fields are from what is plain: zero, the first value that a
 * field has, or where the local APIC is after a reset. What is left is minimal
 * in so far as no single step makes it smaller; of few ops no two go, nor does
 * one of another kind do for two.
 */
void scenario_minimize(struct minimizer *m, struct scenario *s);

#endif
