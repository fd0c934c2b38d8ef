/* The registers of the local APIC as they are read. */
#include <errno.h>

#include "ref/guest.h"
#include "ref/rules.h"

/*
 * SDM "Error Handling", APM "Error Status Register": what is reserved in the
 * register space.
 */
bool lapic_slot_is_reserved(int slot)
{
	return slot < APIC_REG_id ||
	       (slot > APIC_REG_version && slot < APIC_REG_tpr) ||
	       (slot > APIC_REG_esr && slot < APIC_REG_icr) ||
	       (slot > APIC_REG_tmcct && slot < APIC_REG_tdcr) ||
	       slot == APIC_REG_self_ipi;
}

/*
 * SDM "x2APIC Register Address Space": what is not readable is write-only (EOI,
 * self IPI) or not there in x2APIC mode (APR, RRD, DFR, the upper half of ICR).
 */
static bool x2apic_is_readable(int slot)
{
	switch (slot) {
	case APIC_REG_apr:
	case APIC_REG_eoi:
	case APIC_REG_rrd:
	case APIC_REG_dfr:
	case APIC_REG_icr_high:
		return false;
	}
	return !lapic_slot_is_reserved(slot);
}

void promise_value(struct promise *out, uint64_t value, uint64_t care)
{
	promise_accepted(out);
	out->want.value = value & care;
	out->care.value = care;
}

/* A read computes it. */
static uint32_t read_ppr(struct model_vcpu *vcpu)
{
	if (vcpu->ppr_is_stale)
		interrupts_ask_if_lower(vcpu, vcpu->state.apic[APIC_REG_ppr]);
	lapic_compute_ppr(vcpu);
	return lapic_ppr(vcpu->state.apic[APIC_REG_tpr],
			 &vcpu->state.apic[APIC_REG_isr0]);
}

static void read_register(struct model_vcpu *vcpu, int slot,
			  struct promise *out)
{
	uint32_t value = slot == APIC_REG_ppr ? read_ppr(vcpu) :
						vcpu->state.apic[slot];

	promise_value(out, value, vcpu->care.apic[slot]);
	/* The upper half is 0 for sure. */
	out->care.value |= UINT64_MAX << 32;
}

/* KVM: vmx_update_msr_bitmap_x2apic let the CPU read the page itself. */
static bool is_read_by_cpu(const struct model *m,
			   const struct op_x2apic_read *op)
{
	return op->by == AGENT_GUEST &&
	       in_force(m, ERRATUM_x2apic_reads_not_intercepted) &&
	       decides(m, ERRATUM_x2apic_reads_not_intercepted);
}

void model_x2apic_read(struct model *m, const struct op_x2apic_read *op,
		       struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	const uint32_t *apic = vcpu->state.apic, *care = vcpu->care.apic;

	if (vcpu_mode(vcpu) != APIC_MODE_X2APIC ||
	    (!x2apic_is_readable(op->reg) && !is_read_by_cpu(m, op))) {
		promise_refused(out, 0);
		return;
	}
	if (!x2apic_is_readable(op->reg))
		promise_value(out, apic[op->reg],
			      op->reg == APIC_REG_dfr ? UINT64_MAX : 0);
	else if (op->reg == APIC_REG_id)
		promise_value(out, vcpu->x2apic_id, UINT64_MAX);
	else if (op->reg == APIC_REG_icr)
		promise_value(out,
			      (uint64_t)apic[APIC_REG_icr_high] << 32 |
				      apic[APIC_REG_icr],
			      (uint64_t)care[APIC_REG_icr_high] << 32 |
				      care[APIC_REG_icr]);
	else
		read_register(vcpu, op->reg, out);
	if (vcpu->undefined)
		out->care.value = 0;
}

/* KVM's API: what KVM_GET_LAPIC shows is what is observed anyway. */
static void read_by_host(struct model *m, struct model_vcpu *vcpu, int slot,
			 struct promise *out)
{
	struct vcpu_state want, care;

	if (!lapic_is_readable(m, vcpu)) {
		promise_refused(out, EINVAL);
		return;
	}
	model_report_vcpu(m, vcpu, &want, &care);
	promise_value(out, want.apic[slot], care.apic[slot] | UINT64_MAX << 32);
}

/*
 * SDM "Local APIC Register Address Map": EOI is write-only; APR and RRD are not
 * there on all processors. Where there is no page, see mmio_write(), nobody
 * answers: all bits are set.
 */
static void read_by_guest(struct model *m, struct model_vcpu *vcpu, int slot,
			  struct promise *out)
{
	bool open = slot == APIC_REG_eoi || slot == APIC_REG_apr ||
		    slot == APIC_REG_rrd;

	if (!guest_reaches_page(m, vcpu)) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_IMPOSSIBLE;
		return;
	}
	if (vcpu_mode(vcpu) != APIC_MODE_XAPIC) {
		promise_value(out,
			      guest_page_is_memory(m, vcpu) ?
				      m->apic_page[slot] :
				      UINT32_MAX,
			      UINT64_MAX);
		return;
	}
	if (lapic_slot_is_reserved(slot))
		lapic_log_reserved_access(m, vcpu);
	read_register(vcpu, slot, out);
	if (open || lapic_slot_is_reserved(slot))
		out->care.value = 0;
}

void model_lapic_read(struct model *m, const struct op_lapic_read *op,
		      struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];

	if (op->by == AGENT_HOST)
		read_by_host(m, vcpu, op->reg, out);
	else
		read_by_guest(m, vcpu, op->reg, out);
}
