/*
 * Private to the verb report: what a step did to each vCPU, on either side.
 */
#ifndef CLI_EFFECTS_H
#define CLI_EFFECTS_H

#include "cli/report.h"

/* The step that differs. */
struct moment {
	uint32_t step;
	uint32_t cause; /* the op that brought it about; maybe an earlier one */
	/* The states read before that, wanted and promised; NULL: none were. */
	const struct step *before;
};

/*
 * Where both sides of @c differ as they are in its workspace. False where they
 * do not: it did not run, agrees, or did not repeat.
 */
bool moment_find(struct moment *out, const struct report_case *c);

/*
 * What is the matter with an effect. Of those expected only SAME and OPEN; LOST
 * is of what was not got.
 */
enum effect_kind {
	EFFECT_SAME, /* as expected, or not promised and not different */
	EFFECT_LOST,
	EFFECT_EXTRA,
	EFFECT_WRONG,
	EFFECT_OPEN, /* the manuals leave it open */
};

enum { EFFECTS_MAX = 6, EFFECT_MAX = 72 };

struct effects {
	size_t nr; /* may exceed the list */
	struct {
		enum effect_kind kind;
		char text[EFFECT_MAX];
	} list[EFFECTS_MAX];
};

struct vcpu_effects {
	bool differs;
	struct effects want;
	struct effects got;
};

/* Of one vCPU at @moment. */
void effects_find(struct vcpu_effects *out, const struct report_case *c,
		  const struct moment *moment, uint32_t vcpu);

/* What was promised of a vCPU before: values, and which bits are known. */
struct known_state {
	bool exists;  /* as far as is known */
	bool refused; /* by its vcpu_create, on both sides */
	bool fresh;   /* not read before: it is as it is after the step */
	struct vcpu_state value;
	struct vcpu_state known;
};

void known_state_find(struct known_state *out, const struct report_case *c,
		      const struct moment *moment, uint32_t vcpu);

#endif
