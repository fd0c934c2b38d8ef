/*
 * What a run of a scenario shows: the answer of every op, and the state of
 * every vCPU where it is read. The driver fills one from a real VM; the model
 * fills two, what it wants and which bits of that it promises.
 */
#ifndef SCENARIO_OBSERVATION_H
#define SCENARIO_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scenario/answer.h"
#include "scenario/scenario.h"
#include "scenario/x86.h"

/*
 * When the state of all vCPUs is read, and on what. MP_STATE is read at
 * `observe` ops and at the end only, in any schedule, because reading it is
 * not free of effects; so all schedules see the same machine.
 */
enum schedule {
	SCHEDULE_FAST,	 /* at `observe` ops and at the end, on any machine */
	SCHEDULE_FRESH,	 /* the same, on a machine made for this run */
	SCHEDULE_STRICT, /* after every op as well, on such a machine */
};

struct vcpu_state {
#define OBSERVABLE(type, name) type name;
#include "scenario/observables.def"
	/* All zero, which no version register is: KVM did not give them. */
	uint32_t apic[APIC_REGS];
};
_Static_assert(sizeof(struct vcpu_state) % sizeof(uint64_t) == 0,
	       "compared in words of 64 bits");

/* One op, or the end of the scenario, which has no answer. */
struct step {
	struct answer answer;
	uint32_t nr_states;   /* vCPUs whose state was read; 0 where none */
	uint32_t first_state; /* index of vCPU 0's in observation.states */
};

/*
 * Room for reading every vCPU after every op of the largest scenario: with
 * VCPUS_MAX creations, then the other ops, then the end.
 */
enum {
	STEPS_MAX = OPS_MAX + 1,
	STATES_MAX = VCPUS_MAX * (VCPUS_MAX + 1) / 2 +
		     VCPUS_MAX * (STEPS_MAX - VCPUS_MAX),
};

/*
 * A vCPU that was refused has a state too, all zero: vCPU n is the n-th
 * vcpu_create of the scenario.
 */
struct observation {
	uint32_t nr_steps; /* ops run, and one for the end */
	uint32_t nr_states;
	struct step steps[STEPS_MAX];
	struct vcpu_state states[STATES_MAX];
};

enum { CHOICES_MAX = 128 };

/*
 * Where the manuals leave a choice, the model takes the alternative that the
 * list names: pick[i] of alternatives[i], at the i-th choice of the run.
 */
struct choices {
	uint32_t nr; /* choices that the run came upon; may exceed the list */
	uint8_t pick[CHOICES_MAX];
	uint8_t alternatives[CHOICES_MAX];
	uint16_t step[CHOICES_MAX]; /* the op that came upon it */
};

/* A set of rows of the table of errata. */
typedef unsigned __int128 errata_rows;
#define ROWS_MAX 128u
#define ROW(n) ((errata_rows)1 << (n))

/* Which departures from the architecture are in force. */
struct errata {
	errata_rows set;
};

/* What a model needs to know beside the scenario. */
struct model_setup {
	struct errata errata;
	enum schedule schedule;
	struct choices choices; /* only .pick is read, and zeroes are fine */
};

struct expectation {
	struct observation want;
	struct observation care; /* same shape; a set bit is promised */
	struct choices choices;	 /* as taken */
	errata_rows rows;	 /* errata that made a difference */
};

/* Make @out an empty observation, ready for steps. */
void observation_start(struct observation *out);

/* Copy what @in has, which is far less than there is room for. */
void observation_copy(struct observation *out, const struct observation *in);

/* Append a step. @nr_states states follow; the caller fills them. */
struct step *observation_add(struct observation *out, struct answer answer,
			     uint32_t nr_states);

/* The state of @vcpu in @step; @vcpu < step->nr_states. */
struct vcpu_state *observation_state(struct observation *o,
				     const struct step *step, uint32_t vcpu);
const struct vcpu_state *observation_state_const(const struct observation *o,
						 const struct step *step,
						 uint32_t vcpu);

/* One of the things that a vCPU's state is made of. */
struct observable {
	const char *name;
	uint16_t offset;
	uint8_t size; /* 4 or 8 */
};

enum {
	OBSERVABLES = APIC_REGS
#define OBSERVABLE(type, name) +1
#include "scenario/observables.def"
};
/* The registers of the APIC page come last, in the order of their slots. */
extern const struct observable observables[OBSERVABLES];

uint64_t observable_get(const struct observable *observable,
			const struct vcpu_state *state);

/*
 * Write @e as text: every op with its answer and, where states were read,
 * what is not zero in them. Undefined bits are shown as /mask-of-promised.
 */
void expectation_print(FILE *out, const struct expectation *e,
		       const struct scenario *s);

#endif
