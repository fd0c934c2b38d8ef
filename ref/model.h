/*
 * The reference model: what a machine does with a scenario, under a set of
 * errata. The empty set is the architecture as Intel's SDM and AMD's APM have
 * it, together with what KVM's API documents for its ioctls.
 *
 * Pure: no system, no allocation, no state kept between runs.
 */
#ifndef REF_MODEL_H
#define REF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/observation.h"
#include "scenario/scenario.h"

enum erratum {
#define ERRATUM(name, kind, source, versions, text) ERRATUM_##name,
#include "ref/errata.def"
	ERRATA,
};

enum erratum_kind {
	ERRATUM_KIND_DOCUMENTED,
	ERRATUM_KIND_HISTORICAL,
	ERRATUM_KIND_UNDOCUMENTED,
	ERRATUM_KIND_BACKEND,
	ERRATUM_KIND_CANARY,
};

/* A row of errata.def. All strings are static. */
struct erratum_info {
	const char *name;
	enum erratum_kind kind;
	const char *source;
	const char *versions;
	const char *text;
};
extern const struct erratum_info erratum_infos[ERRATA];

_Static_assert(ERRATA <= ROWS_MAX, "a set has room");

static inline bool errata_has(const struct errata *errata, enum erratum row)
{
	return errata->set >> row & 1;
}

/* The name of a row, and the rows that may explain a difference. */
const char *erratum_name(uint32_t row);
struct errata errata_switchable(void);

/*
 * The sets with and without @row on which a witness of it is judged: the
 * documented set for what the documents say, else the observed one.
 */
struct errata errata_with(uint32_t row);
struct errata errata_without(uint32_t row);
struct errata errata_observed(void);

/*
 * A set by name: `arch`, `documented`, `observed` (what a present-day KVM was
 * seen to do), and any of them with rows switched, as
 * in `documented,-alias_lowest_vcpu_id,+canary`. False where a name is not
 * known; then @out_unknown points at it, inside @text.
 */
bool errata_parse(struct errata *out, const char **out_unknown,
		  const char *text);

/* Equal arguments give equal results. */
void model_run(struct expectation *out, const struct scenario *s,
	       const struct model_setup *setup);

#endif
