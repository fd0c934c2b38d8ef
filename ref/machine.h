/* Private to ref/: the state of the modelled machine. */
#ifndef REF_MACHINE_H
#define REF_MACHINE_H

#include "ref/chipset.h"
#include "ref/model.h"
#include "ref/mtrr.h"
#include "scenario/x86.h"

/* What KVM's routing table has of a vCPU: see ref/snapshot.c. */
struct listing {
	enum apic_mode mode;
	uint32_t id, ldr, dfr, svr;
};

/* What makes KVM look for interrupts that wait: see ref/interrupt.c. */
struct look {
	bool asked;  /* it will, before it enters the guest */
	bool open;   /* it may have been asked, or not */
	bool window; /* it will, when the guest enables interrupts */
};

struct model_vcpu {
	bool exists; /* false: its vcpu_create was refused */
	/* Nothing about it is promised any more: an INIT may have come. */
	bool undefined;
	uint32_t vcpu_id;
	/*
	 * state.apic[APIC_REG_id] is in the format of xAPIC mode and not used
	 * in x2APIC mode, where the ID is vcpu_id. PPR is computed when read.
	 */
	struct vcpu_state state;
	struct vcpu_state care;
	/* What the ID register shows in x2APIC mode: vcpu_id, in order. */
	uint32_t x2apic_id;
	struct listing listing;
	bool init_pending;
	bool sipi_pending;
	bool sipi_unsure; /* one of those that wait may not have come */
	uint8_t sipi_vector;
	/* It halted with interrupts enabled, and ran no other op since. */
	bool takes_interrupts;
	/* An NMI came since it ran last, blocked or not. */
	bool nmi_came;
	/* Its HLT, or the next one, ends at once; or it may. */
	bool unhalted;
	bool unhalted_open;
	/* A departure of KVM ends its guest as soon as it runs, or has. */
	bool will_shut_down;
	bool has_shut_down;
	/* It took an NMI, and its guest has no IRET. */
	bool nmi_blocked;
	/* PPR is what a departure of KVM left there, not what it should be. */
	bool ppr_is_stale;
	/* The vector that the guest took last, until an EOI; 0: none. */
	uint8_t taken;
	/* Its requests for KVM to look for interrupts: see ref/interrupt.c. */
	struct look look;
	/* Errors since the last write of ESR, and those that may have been. */
	uint32_t esr_seen;
	uint32_t esr_unsure;
	struct model_msrs msrs;
	uint8_t exceptions; /* that a refused call left to its guest */
};

/* What KVM knew when it last made its routing table: see ref/snapshot.c. */
struct snapshot {
	uint32_t nr_vcpus; /* those created by then */
	bool ids_are_32bit;
	/* An INIT that may or may not have come would be such an event. */
	bool unsure;
};

struct model {
	const struct scenario *scenario;
	const struct model_setup *setup;
	struct expectation *out;
	uint8_t x2apic_api; /* KVM_CAP_X2APIC_API flags now on */
	uint32_t nr_vcpus;
	/* Of this op and all later ones: a guest may have run or not. */
	bool nothing_is_promised;
	struct snapshot snapshot;
	struct chipset chipset;
	/* KVM: memory at the APIC's usual address; see apic_page_is_memory. */
	uint32_t apic_page[APIC_REGS];
	/* KVM: then it does without APICv from there on, and so without that. */
	bool page_was_moved;
	struct model_vcpu vcpus[VCPUS_MAX];
};

#endif
