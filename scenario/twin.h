/*
 * Twins: the same scenario beside vCPUs that, by the architecture, must not
 * matter to it. Their IDs are such that no message of the scenario is meant
 * for them, but for those that are meant for all; what they do themselves is
 * to be created, to change their mode, and to be enabled.
 *
 * Pure: a twin follows from its scenario and its kind.
 */
#ifndef SCENARIO_TWIN_H
#define SCENARIO_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/observation.h"
#include "scenario/scenario.h"

/* Who the bystanders are. */
enum bystanders {
	BYSTANDERS_ALIASED,  /* two with one xAPIC ID, software-disabled */
	BYSTANDERS_DISABLED, /* one, software-disabled */
	BYSTANDERS_OFF,	     /* one whose APIC is off */
	BYSTANDERS_X2APIC,   /* one in x2APIC mode, enabled */
	BYSTANDERS_FLAT,     /* two with one logical ID, enabled */
	BYSTANDERS_CLUSTER,  /* one in the cluster model, enabled */
	BYSTANDERS_NR,
};

/* When they come. */
enum arrival {
	ARRIVAL_BEFORE,	 /* before all ops */
	ARRIVAL_BETWEEN, /* when half of the scenario's vCPUs are there */
	ARRIVAL_LATE,	 /* before the last op */
	ARRIVAL_NR,
};

struct twin_kind {
	enum bystanders who;
	enum arrival when;
};

enum { TWIN_KINDS = BYSTANDERS_NR * ARRIVAL_NR, TWIN_NAME_MAX = 24 };

/* Kind @number, 0 .. TWIN_KINDS - 1. */
struct twin_kind twin_kind_of(uint32_t number);
/* "aliased", and "aliased-late". */
const char *twin_who(struct twin_kind kind);
void twin_name(char out[TWIN_NAME_MAX], struct twin_kind kind);
/* The kind by its name; false where there is none. */
bool twin_parse(struct twin_kind *out, const char *name);

struct twin {
	struct scenario scenario;
	uint32_t nr_ops;	      /* of the original */
	uint16_t op_at[OPS_MAX + 1];  /* where its ops, and its end, are */
	uint16_t vcpu_at[VCPUS_MAX];  /* where its vCPUs are */
	bool is_bystander[VCPUS_MAX]; /* of the twin's vCPUs */
	bool answer_is_open[OPS_MAX]; /* it may count a bystander, rightly */
};

/*
 * False: @s has no twin of this kind. There is no room or no ID left, or a
 * message that is meant for one of several might rightly pick a bystander.
 */
bool twin_make(struct twin *out, const struct scenario *s,
	       struct twin_kind kind);

/*
 * What the original's vCPUs show of @beside, an observation of the twin in
 * either schedule: an observation like one of the original.
 */
void twin_project(struct observation *out, const struct twin *twin,
		  const struct observation *beside);

/* Write the twin as comments, with its bystanders marked. */
void twin_print(FILE *out, const struct twin *twin);

#endif
