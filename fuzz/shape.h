/*
 * The usual shape of a scenario: first its vCPUs, those of the scenario that
 * it comes from, then an APIC that is written, then what happens to them. VMs
 * for such scenarios wait to be used, so they run ten times as fast as those
 * that create vCPUs or enable flags on the way.
 */
#ifndef FUZZ_SHAPE_H
#define FUZZ_SHAPE_H

#include "scenario/scenario.h"

enum { SHAPE_VCPUS_MAX = 64 };

struct shape {
	struct config config;
	uint32_t nr_vcpus; /* the first SHAPE_VCPUS_MAX at most */
	uint32_t vcpu_ids[SHAPE_VCPUS_MAX];
};

/* The settings of @s, and all vCPUs that it creates, wherever. */
void shape_take(struct shape *out, const struct scenario *s);

/* Give @s this shape; other creations go, and other ops stay as they are. */
void shape_give(struct scenario *s, const struct shape *shape);

#endif
