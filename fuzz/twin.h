/*
 * The two sides of a comparison, where both are the same host: the scenario
 * alone, and beside bystanders. What the bystanders change by the architecture
 * is nothing; under a set of errata it is what the model says.
 */
#ifndef FUZZ_TWIN_H
#define FUZZ_TWIN_H

#include "oracle/oracle.h"
#include "scenario/twin.h"

/*
 * Make @sides, a model beside a host, such a comparison: what is expected is
 * what the scenario shows alone, with the difference that bystanders make to
 * the model; what is observed, what it shows beside them. Bits that the model
 * does not promise, with bystanders or without, do not count. Scenarios that
 * have no twin of the kind agree. One comparison a process.
 */
void twin_sides(struct oracle_sides *sides);

/* From here on, bystanders of this kind. */
void twin_sides_use(struct oracle_sides *sides, struct twin_kind kind);

/* For reports: the twin of @s, as comments. */
void twin_sides_print(FILE *out, const struct scenario *s);

#endif
