/*
 * Private to ref/: the state of the modelled machine, and what its parts call
 * of one another.
 */
#ifndef REF_EXEC_H
#define REF_EXEC_H

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
	struct model_vcpu vcpus[VCPUS_MAX];
};

/* The answer of an op: what is wanted, and which bits are promised. */
struct promise {
	struct answer want;
	struct answer care;
};

void promise_accepted(struct promise *out);
/* Refused. @error is the errno, 0 for KVM_SET_MSRS, which gives none. */
void promise_refused(struct promise *out, uint32_t error);

/* Handlers, one an op: change the machine, and promise an answer. */
#define OP(id, name, fields)                                           \
	void model_##name(struct model *m, const struct op_##name *op, \
			  struct promise *out);
#include "scenario/ops.def"

static inline bool in_force(const struct model *m, enum erratum row)
{
	return errata_has(&m->setup->errata, row);
}

/* Departure @row decided something in this run. Always true. */
static inline bool decides(const struct model *m, enum erratum row)
{
	m->out->rows |= 1ull << row;
	return true;
}

static inline bool ids_are_32bit(const struct model *m)
{
	return m->x2apic_api & X2APIC_API_USE_32BIT_IDS;
}

static inline enum apic_mode vcpu_mode(const struct model_vcpu *vcpu)
{
	return apic_mode(vcpu->state.apicbase);
}

/* Which of @alternatives to take, 0 .. alternatives - 1. */
uint32_t model_choose(struct model *m, uint32_t alternatives);

/* ref/vcpu.c */

/* Is this the vCPU that KVM starts as boot processor? */
bool vcpu_is_boot(const struct model *m, const struct model_vcpu *vcpu);
/* Its MP_STATE, not by its own doing. */
void vcpu_set_mp_state(struct model *m, struct model_vcpu *vcpu,
		       uint32_t state);
/* What of HLT it goes on with, after one that ended or did not begin. */
void vcpu_forget_unhalted(struct model_vcpu *vcpu);
/* The vCPU takes the INIT and the SIPI that wait for it. */
void vcpu_take_events(struct model *m, struct model_vcpu *vcpu);

/* ref/lapic.c */

/*
 * The ID as KVM_GET_LAPIC shows it. KVM's API, KVM_CAP_X2APIC_API: in x2APIC
 * mode all 32 bits with USE_32BIT_IDS, the format of xAPIC mode without.
 */
uint32_t vcpu_shown_id(const struct model *m, const struct model_vcpu *vcpu);

/* Does KVM_GET_LAPIC give its registers? */
bool lapic_is_readable(const struct model *m, const struct model_vcpu *vcpu);
/* All registers to their reset values, but ID and, in x2APIC mode, LDR. */
void lapic_reset(const struct model *m, struct model_vcpu *vcpu);
/* PPR is what it should be again. */
void lapic_compute_ppr(struct model_vcpu *vcpu);
/* Mask every LVT entry, as clearing SVR's enable bit does. */
void lapic_mask_lvts(struct model_vcpu *vcpu);

/* ref/snapshot.c: an event at which KVM makes its routing table anew. */
void snapshot_take(struct model *m);

#endif
