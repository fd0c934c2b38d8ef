/* Writes of the local APIC's registers by a guest, through the APIC page. */
#include "ref/guest.h"

/* Bits that a write sets where the register has others. */
#define ID_WRITABLE 0xff000000u
#define DFR_WRITABLE 0xf0000000u

static void write_whole(struct model_vcpu *vcpu, int slot, uint32_t value)
{
	vcpu->state.apic[slot] = value;
	vcpu->care.apic[slot] = UINT32_MAX;
}

/*
 * SDM "Interrupt Command Register (ICR)": a write of the low half sends. What
 * reserved bits read as is not defined; delivery status is read-only.
 */
static void write_icr(struct model *m, struct model_vcpu *vcpu, uint32_t low)
{
	bool dest_is_known = vcpu->care.apic[APIC_REG_icr_high] == UINT32_MAX;

	/* Not after a change of mode, until the upper half is written. */
	if (!dest_is_known &&
	    !(low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK))
		m->nothing_is_promised = true;
	write_whole(vcpu, APIC_REG_icr, low & ~ICR_BUSY);
	vcpu->care.apic[APIC_REG_icr] = ~(low & (ICR_RESERVED & ~ICR_BUSY));
	icr_send(m, vcpu, vcpu->state.apic[APIC_REG_icr_high] >> XAPIC_ID_SHIFT,
		 low & ~ICR_BUSY);
}

/*
 * SDM "Local APIC Register Address Map": what is read-only is not changed.
 * SDM "Local APIC ID", "Logical Destination Register (LDR)", "Destination
 * Format Register (DFR)": their writable bits; DFR's others are ones.
 */
static void write_xapic(struct model *m, struct model_vcpu *vcpu, int slot,
			uint32_t value)
{
	bool writable;
	uint32_t bits = lapic_writable_bits(m, vcpu, slot, &writable);

	switch (slot) {
	case APIC_REG_id:
	case APIC_REG_ldr:
		write_whole(vcpu, slot, value & ID_WRITABLE);
		snapshot_take(m);
		return;
	case APIC_REG_dfr:
		write_whole(vcpu, slot, value | ~DFR_WRITABLE);
		snapshot_take(m);
		return;
	case APIC_REG_eoi:
		lapic_end_of_interrupt(m, vcpu, AGENT_GUEST);
		return;
	case APIC_REG_esr:
		lapic_write_esr(m, vcpu);
		return;
	case APIC_REG_icr:
		write_icr(m, vcpu, value);
		return;
	case APIC_REG_icr_high:
		write_whole(vcpu, slot, value & ID_WRITABLE);
		return;
	}
	if (lapic_slot_is_reserved(slot))
		lapic_log_reserved_access(m, vcpu);
	else if (writable)
		lapic_write_register(m, vcpu, slot, value & bits);
}

/*
 * SDM "x2APIC Mode", "Local APIC Status and Location": in x2APIC mode and where
 * the APIC is disabled there is no page: nothing is written.
 */
void mmio_write(struct model *m, const struct op_lapic_write *op,
		struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	uint32_t ppr = interrupts_ppr(vcpu);

	promise_accepted(out);
	if (!guest_reaches_page(m, vcpu)) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_IMPOSSIBLE;
		return;
	}
	if (vcpu_mode(vcpu) != APIC_MODE_XAPIC) {
		if (guest_page_is_memory(m, vcpu))
			m->apic_page[op->reg] = op->value;
		return;
	}
	write_xapic(m, vcpu, op->reg, op->value);
	if (op->reg == APIC_REG_tpr || op->reg == APIC_REG_eoi)
		lapic_compute_ppr(vcpu);
	interrupts_ask_if_lower(vcpu, ppr);
}

/* In xAPIC mode ICR is two registers, of which the second sends. */
void mmio_write_icr(struct model *m, const struct op_icr_write *op,
		    struct promise *out)
{
	struct op_lapic_write half = { op->vcpu, op->by, APIC_REG_icr_high,
				       op->dest << XAPIC_ID_SHIFT };

	mmio_write(m, &half, out);
	half.reg = APIC_REG_icr;
	half.value = op->low;
	mmio_write(m, &half, out);
}
