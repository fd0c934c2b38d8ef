/* Private to kvmdrv/: what a VM's interrupt inputs, its GSIs, go through. */
#ifndef KVMDRV_CHIPSET_H
#define KVMDRV_CHIPSET_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "scenario/x86.h"

enum {
	GSIS = UINT8_MAX + 1,
	/* One message each, or as many as a GSI of a full irqchip has. */
	ROUTES_MAX = GSIS + PIC_PINS,
	/* Two PICs and an IOAPIC: 0 to 2, as KVM numbers them. */
	CHIPS = 3,
};

struct vm;

/* Routes, in the form that KVM wants a list of them. */
union routes {
	struct kvm_irq_routing table;
	uint8_t room[sizeof(struct kvm_irq_routing) +
		     ROUTES_MAX * sizeof(struct kvm_irq_routing_entry)];
};

struct chipset {
	union routes *routes; /* NULL: as KVM made them */
	bool touched;	      /* its chips may not be as they were new */
	bool written;	      /* the IOAPIC, by an op of its own */
	bool is_high[GSIS];
	struct kvm_irqchip new_chips[CHIPS];
};

/* Note what it shows as it is new. */
void chipset_keep(struct vm *vm);
/*
 * Can it not be put back? What a vCPU learned of the IOAPIC as it ran, of whose
 * EOIs to tell it, it knows until it runs again.
 */
bool chipset_is_spent(const struct vm *vm);
/* Put back what is not as it was new. */
void chipset_reset(struct vm *vm);
void chipset_free(struct vm *vm);
/*
 * Routes and chips of @to, which is new, become those of @from. 0 or -errno:
 * @to does not take the routes.
 */
int chipset_copy(struct vm *to, struct vm *from);

#endif
