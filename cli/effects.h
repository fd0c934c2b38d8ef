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

/* What is the matter with an effect. */
enum effect_kind {
	EFFECT_SAME,   /* as expected, or not promised and not different */
	EFFECT_STAYS,  /* expected: that this one does not change */
	EFFECT_OPEN,   /* expected: the manuals leave it open */
	EFFECT_LOST,   /* got: not, though expected */
	EFFECT_MISSED, /* got: no change, though expected */
	EFFECT_EXTRA,
	EFFECT_WRONG,
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

/* What was expected of a vCPU before that, and which bits were promised. */
struct known_state {
	bool exists;
	bool refused; /* by its vcpu_create, on both sides */
	bool fresh;   /* not read before: it is as it is after the step */
	uint32_t vcpu_id;
	bool has_id; /* its APIC has one in its mode, and that is promised */
	uint32_t apic_id;
	struct vcpu_state value;
	struct vcpu_state known;
};

void known_state_find(struct known_state *out, const struct report_case *c,
		      const struct moment *moment, uint32_t vcpu);

/* Is USE_32BIT_IDS on then? */
bool moment_ids_are_32bit(const struct report_case *c,
			  const struct moment *moment);

#endif
