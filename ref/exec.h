/* Private to ref/: what its parts call of one another. */
#ifndef REF_EXEC_H
#define REF_EXEC_H

#include "ref/machine.h"
#include "scenario/x86.h"

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
	m->out->rows |= ROW(row);
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
