/*
 * The oracle: does what was seen agree with what was expected, and if not,
 * what differs first? It gets both sides as data or as functions of its
 * caller; it knows neither the model nor the driver.
 */
#ifndef ORACLE_ORACLE_H
#define ORACLE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/minimize.h"
#include "scenario/observation.h"
#include "scenario/scenario.h"

enum verdict_kind {
	VERDICT_AGREE,
	VERDICT_EXPLAINED, /* differs, but not if some errata are switched */
	VERDICT_DIVERGE,
	VERDICT_FLAKY, /* a difference that was gone when repeated */
};

/* One thing that differs. Only bits that are promised are shown. */
struct difference {
	int vcpu;	  /* -1: the answer of the op */
	const char *name; /* of the observable, or of the answer's part */
	uint64_t want;
	uint64_t got;
};

enum symptom {
	SYMPTOM_NONE,
	SYMPTOM_WRONGLY_ACCEPTED,
	SYMPTOM_WRONGLY_REFUSED,
	SYMPTOM_WRONG_ERROR,
	SYMPTOM_CHANGED_ON_ERROR,
	SYMPTOM_LOST,
	SYMPTOM_EXTRA,
	SYMPTOM_WRONG_TARGET,
	SYMPTOM_WRONG_VALUE,
};

enum { DIFFERENCES_MAX = 8, EXPLANATIONS_MAX = 4, SIGNATURE_MAX = 256 };

struct verdict {
	enum verdict_kind kind;
	/* The first step that differs; scenario.nr_ops stands for the end. */
	uint32_t step;
	/*
	 * The op that made it differ: @step, or an earlier op whose effect
	 * showed only when the state was read at @step.
	 */
	uint32_t cause;
	enum symptom symptom;
	uint32_t nr_differences; /* in that step; may exceed the array */
	struct difference differences[DIFFERENCES_MAX];
	/*
	 * EXPLAINED: the smallest sets of rows that take the difference away
	 * when they are switched, as bits of errata.def; on where the set that
	 * was compared against has them off, and off where it has them on.
	 * Later differences, if any, are explained as well. DIVERGE: what is
	 * told is the first difference that is not explained.
	 */
	uint32_t nr_explanations; /* may exceed the array */
	struct errata explanations[EXPLANATIONS_MAX];
	/*
	 * DIVERGE: rows that, switched, leave it open what should be seen
	 * there. That explains nothing, but it is where to look.
	 */
	struct errata perhaps;
	/* What is told was expected under that: rows explain what was before. */
	struct errata under;
	errata_rows rows; /* errata that decided something in the expectation */
	/* What stays the same when IDs, vectors and unrelated ops change. */
	char signature[SIGNATURE_MAX];
};

/* Both sides of a comparison. */
struct oracle_sides {
	/* What is expected: the model, under these errata. */
	void (*expect)(struct expectation *out, const struct scenario *s,
		       const struct model_setup *setup);
	struct errata errata;
	/* The rows that may explain a difference, and their names. */
	struct errata switchable;
	/*
	 * What hosts usually have: where neither a row nor a pair explains a
	 * difference, it is looked for in this set. The empty set is none.
	 */
	struct errata usual;
	const char *(*row_name)(uint32_t row);
	const char *label; /* stands before all signatures; may be NULL */
	/* What is seen. */
	void (*observe)(void *context, struct observation *out,
			const struct scenario *s, enum schedule schedule);
	void *context;
	/*
	 * Not NULL: what is seen was recorded. It cannot be seen of another
	 * scenario or schedule, and only these bits of it are known.
	 */
	const struct observation *known;
};

/* Where an examination keeps what it works on; too large for a stack. */
struct oracle_workspace {
	struct expectation expected;
	struct observation got;
	struct scenario trial;
	struct minimizer minimizer;
};

/* Compare one expectation with one observation; no signature. */
void oracle_judge(struct verdict *out, const struct expectation *expected,
		  const struct observation *got);

/*
 * The next list of choices to try when @tried differed at step @step: the last
 * choice that was made by then takes its next alternative, and all after it
 * start over. False when there is none.
 */
bool oracle_next_choices(struct choices *list, const struct choices *tried,
			 uint32_t step);

/* Set symptom and signature of a DIVERGE verdict, from what it names. */
void oracle_sign(struct verdict *verdict, const struct scenario *s,
		 const struct expectation *expected);

/* FNV-1a of the signature: the name of a finding's folder. */
uint64_t signature_hash(const char *signature);

/*
 * Run both sides on @s and judge. A difference is believed when no list of
 * choices explains it away and it shows again on fresh machines, twice; it is
 * then run again with every step read, so that the first op that differs is
 * named, signed and attributed.
 */
void oracle_examine(struct verdict *out, const struct oracle_sides *sides,
		    const struct scenario *s, struct oracle_workspace *work);

/*
 * Leave in @work what both sides show of @s with every step read, under the set
 * that @v tells of. @out judges that; it agrees where @v did not repeat.
 */
void oracle_show(struct verdict *out, const struct oracle_sides *sides,
		 const struct scenario *s, const struct verdict *v,
		 struct oracle_workspace *work);

const char *symptom_name(enum symptom symptom);

#endif
