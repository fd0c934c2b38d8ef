/* Private to ref/: what interrupts of the VM's inputs, its GSIs, go through. */
#ifndef REF_CHIPSET_H
#define REF_CHIPSET_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "scenario/x86.h"

enum { GSIS = UINT8_MAX + 1 };

/* What a GSI that has an MSI route sends. */
struct gsi_route {
	uint8_t gsi;
	struct op_msi msi;
};

/* KVM: does an interrupt of GSI 8 wait for an EOI? */
enum rtc { RTC_FREE, RTC_WAITS, RTC_UNSURE };

/*
 * The IOAPIC. Delivery status is not modelled: nothing is on its way when an op
 * is over.
 */
struct ioapic {
	uint8_t id;
	uint32_t asserted; /* a pin each */
	uint32_t sent; /* KVM: those whose edge was, and no other call came */
	enum rtc rtc;
	uint64_t entries[IOAPIC_PINS];
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
	struct ioapic ioapic;
};

/* As KVM creates it. */
void chipset_start(struct chipset *out);

#endif
