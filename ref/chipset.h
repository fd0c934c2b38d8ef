/* Private to ref/: what interrupts of the VM's inputs, its GSIs, go through. */
#ifndef REF_CHIPSET_H
#define REF_CHIPSET_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/scenario.h"

enum { GSIS = UINT8_MAX + 1 };

/* What a GSI that has an MSI route sends. */
struct gsi_route {
	uint8_t gsi;
	struct op_msi msi;
};

struct chipset {
	/* GSIs that are not here have the route that they had at first. */
	uint32_t nr_routes;
	struct gsi_route routes[GSIS];
	/*
	 * A PIC that nobody initialized was given an interrupt: no manual says
	 * what it makes of that.
	 */
	bool pic_unsure;
};

/* As KVM creates it. */
void chipset_start(struct chipset *out);

#endif
