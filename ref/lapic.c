/*
 * The registers of the local APIC: reset, host writes to the page, writes of
 * x2APIC MSRs.
 */
#include <errno.h>
#include <string.h>

#include "ref/exec.h"
#include "ref/guest.h"
#include "ref/rules.h"

/*
 * SDM "Local APIC Version Register": an integrated APIC, six LVT entries.
 * KVM's API: with the split irqchip and x2APIC in CPUID, EOI broadcast can be
 * suppressed (bit 24).
 */
#define VERSION 0x00050014u
#define VERSION_EOI_SUPPRESSION (1u << 24)

/* Bits of LVT entries that a write may set; DS and RIRR are read-only. */
#define LVT_VECTOR 0xffu
#define LVT_DELIVERY 0x700u
#define LVT_READ_ONLY 0x5000u /* delivery status, remote IRR */
#define LVT_LINT 0xa000u      /* polarity, trigger mode */
#define LVT_TIMER_PERIODIC 0x20000u
#define LVT_TIMER_TSC_DEADLINE 0x40000u

static const enum apic_reg lvts[] = {
	APIC_REG_lvt_timer, APIC_REG_lvt_thermal, APIC_REG_lvt_perf,
	APIC_REG_lvt_lint0, APIC_REG_lvt_lint1,	  APIC_REG_lvt_error,
};
enum { LVTS = sizeof(lvts) / sizeof(lvts[0]) };

static uint32_t version(const struct model *m)
{
	const struct config *config = &m->scenario->config;

	if (config->irqchip == IRQCHIP_SPLIT && config->cpuid == CPUID_X2APIC)
		return VERSION | VERSION_EOI_SUPPRESSION;
	return VERSION;
}

/*
 * SDM "Logical Destination Mode in x2APIC Mode": bits 19:4 of the ID are the
 * cluster, bits 3:0 the place in it.
 */
uint32_t x2apic_ldr(uint32_t x2apic_id)
{
	return x2apic_id >> 4 << 16 | 1u << (x2apic_id & 0xf);
}

static uint8_t highest_isr_vector(const uint32_t isr[8])
{
	for (int word = 7; word >= 0; word--)
		for (int bit = 31; isr[word] && bit >= 0; bit--)
			if (isr[word] >> bit & 1)
				return (uint8_t)(word * 32 + bit);
	return 0;
}

/*
 * SDM "Task and Processor Priorities", APM "Selecting and Handling
 * Interrupts": the higher of the two classes; the sub-class is TPR's where
 * TPR's class is that one (if both are equal, the SDM also allows 0).
 */
uint32_t lapic_ppr(uint32_t tpr, const uint32_t isr[8])
{
	uint32_t task = tpr & 0xff;
	uint32_t in_service = highest_isr_vector(isr);

	if (task >> 4 >= in_service >> 4)
		return task;
	return in_service & 0xf0;
}

void lapic_compute_ppr(struct model_vcpu *vcpu)
{
	vcpu->ppr_is_stale = false;
	vcpu->care.apic[APIC_REG_ppr] = vcpu->care.apic[APIC_REG_tpr];
}

/*
 * SDM "Local APIC State After Power-Up or Reset". KVM's page may hold things
 * in slots that are not registers: no promise about those changes here.
 */
void lapic_reset(const struct model *m, struct model_vcpu *vcpu)
{
	uint32_t *apic = vcpu->state.apic;
	uint32_t *care = vcpu->care.apic;
	bool x2apic = vcpu_mode(vcpu) == APIC_MODE_X2APIC;
	uint32_t id = apic[APIC_REG_id];
	uint32_t ldr = x2apic ? apic[APIC_REG_ldr] : 0;

	vcpu->taken = 0;
	care[APIC_REG_tpr] = UINT32_MAX;
	lapic_compute_ppr(vcpu);
	memset(apic, 0, sizeof(vcpu->state.apic));
	apic[APIC_REG_id] = id;
	apic[APIC_REG_ldr] = ldr;
	memset(&care[APIC_REG_irr0], 0xff, 8 * sizeof(care[0]));
	memset(&care[APIC_REG_tmr0], 0xff, 8 * sizeof(care[0]));
	care[APIC_REG_esr] = UINT32_MAX;
	care[APIC_REG_icr_high] = UINT32_MAX;
	apic[APIC_REG_version] = version(m);
	apic[APIC_REG_dfr] = DFR_FLAT;
	apic[APIC_REG_svr] = 0xff;
	for (int i = 0; i < LVTS; i++)
		apic[lvts[i]] = LVT_MASKED;
	/* KVM: api.rst, KVM_X86_QUIRK_LINT0_REENABLED. */
	if (in_force(m, ERRATUM_lint0_reenabled) && vcpu_is_boot(m, vcpu) &&
	    !(m->scenario->config.quirks_off & QUIRK_LINT0_REENABLED) &&
	    decides(m, ERRATUM_lint0_reenabled))
		apic[APIC_REG_lvt_lint0] = LVT_EXTINT;
}

void lapic_mask_lvts(struct model_vcpu *vcpu)
{
	for (int i = 0; i < LVTS; i++)
		vcpu->state.apic[lvts[i]] |= LVT_MASKED;
}

/*
 * Does KVM_SET_LAPIC keep what it is given for @slot? KVM's API: the input is
 * copied into the registers. What the manuals know no register for is then
 * not defined; the rest is copied as it is, reserved bits too.
 */
static bool slot_is_register(int slot)
{
	if (slot < APIC_REG_id || slot == APIC_REG_lvt_cmci)
		return false;
	if (slot > APIC_REG_version && slot < APIC_REG_tpr)
		return false;
	if (slot >= APIC_REG_apr && slot <= APIC_REG_rrd)
		return slot == APIC_REG_ppr;
	if (slot > APIC_REG_esr && slot < APIC_REG_icr)
		return false;
	return slot <= APIC_REG_tmcct || slot == APIC_REG_tdcr;
}

uint32_t vcpu_shown_id(const struct model *m, const struct model_vcpu *vcpu)
{
	if (vcpu_mode(vcpu) != APIC_MODE_X2APIC)
		return vcpu->state.apic[APIC_REG_id];
	if (ids_are_32bit(m))
		return vcpu->x2apic_id;
	return vcpu->x2apic_id << XAPIC_ID_SHIFT;
}

/*
 * KVM: kvm_apic_state_fixup, before 4b7c3f6d04bd, wants the whole ID to be what
 * it should be before it gives the page, too.
 */
bool lapic_is_readable(const struct model *m, const struct model_vcpu *vcpu)
{
	return vcpu_mode(vcpu) != APIC_MODE_X2APIC || !ids_are_32bit(m) ||
	       vcpu->x2apic_id == vcpu->vcpu_id;
}

/*
 * The ID that KVM_SET_LAPIC brings in x2APIC mode. KVM's API,
 * KVM_CAP_X2APIC_API: it is read-only; with USE_32BIT_IDS the input must bring
 * it, without it is not looked at. False: refused.
 */
static bool take_x2apic_id(struct model *m, struct model_vcpu *vcpu,
			   uint32_t brought)
{
	uint32_t id = brought >> XAPIC_ID_SHIFT;

	if (ids_are_32bit(m))
		return brought == vcpu->vcpu_id && lapic_is_readable(m, vcpu);
	/* KVM: kvm_apic_state_fixup, before 4b7c3f6d04bd. */
	if (id != vcpu->x2apic_id && in_force(m, ERRATUM_x2apic_id_writable) &&
	    decides(m, ERRATUM_x2apic_id_writable)) {
		vcpu->x2apic_id = id;
		vcpu->state.apic[APIC_REG_ldr] = x2apic_ldr(id);
	}
	return true;
}

/* Registers that are computed, whatever KVM_SET_LAPIC brings. */
static bool slot_is_computed(const struct model_vcpu *vcpu, int slot)
{
	switch (slot) {
	case APIC_REG_version:
	case APIC_REG_ppr:
	case APIC_REG_tmcct: /* 0, as no timer runs */
		return true;
	case APIC_REG_id: /* take_x2apic_id() */
	case APIC_REG_ldr:
		return vcpu_mode(vcpu) == APIC_MODE_X2APIC;
	}
	return false;
}

static bool nothing_in_service(const struct model_vcpu *vcpu)
{
	for (int word = 0; word < 8; word++)
		if (vcpu->state.apic[APIC_REG_isr0 + word])
			return false;
	return true;
}

/*
 * KVM: kvm_apic_set_state computes PPR before it counts the bits of the new
 * ISR; where it had counted none before, it does not look at them, and where
 * it knew the highest one, because the guest had just taken it, neither.
 */
static void set_lapic_ppr(const struct model *m, struct model_vcpu *vcpu,
			  bool was_idle)
{
	uint32_t *apic = vcpu->state.apic;
	uint32_t known[8] = { 0 };
	uint32_t stale;

	known[vcpu->taken / 32] = vcpu->taken ? 1u << vcpu->taken % 32 : 0;
	stale = lapic_ppr(apic[APIC_REG_tpr], known);
	lapic_compute_ppr(vcpu);
	vcpu->ppr_is_stale =
		in_force(m, ERRATUM_ppr_stale_after_set_lapic) &&
		(vcpu->taken || (was_idle && !nothing_in_service(vcpu))) &&
		decides(m, ERRATUM_ppr_stale_after_set_lapic);
	if (vcpu->ppr_is_stale)
		apic[APIC_REG_ppr] = stale;
	vcpu->taken = 0;
}

static void write_page(struct model_vcpu *vcpu, int slot, uint32_t value)
{
	if (slot_is_computed(vcpu, slot))
		return;
	vcpu->state.apic[slot] = value;
	vcpu->care.apic[slot] = slot_is_register(slot) ? UINT32_MAX : 0;
}

void model_lapic_write(struct model *m, const struct op_lapic_write *op,
		       struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	bool was_idle = nothing_in_service(vcpu);
	bool is_id = op->reg == APIC_REG_id;

	if (op->by == AGENT_GUEST) {
		mmio_write(m, op, out);
		return;
	}
	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC &&
	    !take_x2apic_id(m, vcpu,
			    is_id ? op->value : vcpu_shown_id(m, vcpu))) {
		promise_refused(out, EINVAL);
		return;
	}
	promise_accepted(out);
	write_page(vcpu, op->reg, op->value);
	set_lapic_ppr(m, vcpu, was_idle);
	interrupts_ask(vcpu, true);
	ioapic_note_change(m, vcpu);
	snapshot_take(m);
}

void lapic_restore(struct model *m, struct model_vcpu *vcpu)
{
	uint32_t id = vcpu_shown_id(m, vcpu);

	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC) {
		vcpu->x2apic_id = vcpu->vcpu_id;
		take_x2apic_id(m, vcpu, id);
	}
	vcpu->taken = 0;
	set_lapic_ppr(m, vcpu, true);
}

/*
 * SDM "APIC Timer": periodic mode, and TSC-deadline mode where CPUID says so.
 * KVM: kvm_vcpu_after_set_cpuid, which knows of the modes.
 */
static uint32_t timer_modes(const struct model *m)
{
	if (m->scenario->config.cpuid == CPUID_X2APIC)
		return LVT_TIMER_PERIODIC | LVT_TIMER_TSC_DEADLINE;
	if (in_force(m, ERRATUM_timer_modes_need_cpuid) &&
	    decides(m, ERRATUM_timer_modes_need_cpuid))
		return 0;
	return LVT_TIMER_PERIODIC;
}

/*
 * SDM "x2APIC Register Address Space", "Reserved Bit Checking"; APM "x2APIC
 * Register Address Space": the bits that a WRMSR may set; a register that is
 * not there or is read-only has none, and @out_writable is false.
 */
uint32_t lapic_writable_bits(const struct model *m,
			     const struct model_vcpu *vcpu, int slot,
			     bool *out_writable)
{
	uint32_t suppress = vcpu->state.apic[APIC_REG_version] &
					    VERSION_EOI_SUPPRESSION ?
				    SVR_SUPPRESS_EOI_BROADCAST :
				    0;
	uint32_t lvt = LVT_VECTOR | LVT_MASKED | (LVT_READ_ONLY & 0x1000);

	*out_writable = true;
	switch (slot) {
	case APIC_REG_tpr:
	case APIC_REG_self_ipi:
		return 0xff;
	case APIC_REG_eoi:
	case APIC_REG_esr:
		return 0;
	case APIC_REG_svr:
		return 0x3ff | suppress;
	case APIC_REG_lvt_timer:
		return lvt | timer_modes(m);
	case APIC_REG_lvt_thermal:
	case APIC_REG_lvt_perf:
		return lvt | LVT_DELIVERY;
	case APIC_REG_lvt_lint0:
	case APIC_REG_lvt_lint1:
		return lvt | LVT_DELIVERY | LVT_READ_ONLY | LVT_LINT;
	case APIC_REG_lvt_error:
		return lvt;
	case APIC_REG_tdcr:
		return 0xb;
	}
	*out_writable = false;
	return 0;
}

/*
 * SDM "Signaling Interrupt Servicing Completion": they are told if its TMR bit
 * is set, unless SVR says not to.
 */
void lapic_tell_ioapics(struct model *m, struct model_vcpu *vcpu,
			uint8_t vector, enum agent by)
{
	const uint32_t *apic = vcpu->state.apic;
	uint32_t word = vector / 32, bit = 1u << vector % 32;
	bool level = apic[APIC_REG_tmr0 + word] & bit;

	if (m->scenario->config.irqchip != IRQCHIP_FULL)
		return;
	if (!(vcpu->care.apic[APIC_REG_tmr0 + word] & bit))
		level = model_choose(m, 2) == 0;
	if (level && !(apic[APIC_REG_svr] & SVR_SUPPRESS_EOI_BROADCAST))
		ioapic_end_of_interrupt(m, vcpu, vector, by);
	ioapic_note_change(m, vcpu);
}

/* SDM "Signaling Interrupt Servicing Completion": the highest is done. */
void lapic_end_of_interrupt(struct model *m, struct model_vcpu *vcpu,
			    enum agent by)
{
	uint32_t *isr = &vcpu->state.apic[APIC_REG_isr0];
	uint8_t vector = highest_isr_vector(isr);
	uint32_t word = vector / 32, bit = 1u << vector % 32;
	bool was_in_service = isr[word] & bit;

	/* KVM: apic_set_eoi, if anything was in service. */
	if (vector)
		interrupts_ask(vcpu, true);
	isr[word] &= ~bit;
	vcpu->taken = 0;
	if (was_in_service)
		lapic_tell_ioapics(m, vcpu, vector, by);
}

/* SDM "Error Handling": a write shows what was seen since the last one. */
void lapic_write_esr(const struct model *m, struct model_vcpu *vcpu)
{
	/* KVM: kvm_lapic_reg_write leaves the register as it is. */
	if (in_force(m, ERRATUM_no_apic_errors) &&
	    decides(m, ERRATUM_no_apic_errors))
		return;
	vcpu->state.apic[APIC_REG_esr] = vcpu->esr_seen;
	vcpu->care.apic[APIC_REG_esr] = ~vcpu->esr_unsure | vcpu->esr_seen;
	vcpu->esr_seen = 0;
	vcpu->esr_unsure = 0;
}

/*
 * SDM "Local APIC State After It Has Been Software Disabled": LVT entries are
 * masked, and stay so.
 */
void lapic_write_register(struct model *m, struct model_vcpu *vcpu, int slot,
			  uint32_t value)
{
	uint32_t *apic = vcpu->state.apic;
	uint32_t toggled =
		slot == APIC_REG_svr ? (value ^ apic[slot]) & SVR_ENABLE : 0;
	bool is_lvt = slot >= APIC_REG_lvt_timer && slot <= APIC_REG_lvt_error;

	/* KVM: apic_lvt_mask has the read-only bits. */
	if (is_lvt && (value & LVT_READ_ONLY) &&
	    !(in_force(m, ERRATUM_lvt_read_only_bits_stored) &&
	      decides(m, ERRATUM_lvt_read_only_bits_stored)))
		value &= ~LVT_READ_ONLY;
	if (is_lvt && !(apic[APIC_REG_svr] & SVR_ENABLE))
		value |= LVT_MASKED;
	apic[slot] = value;
	vcpu->care.apic[slot] = UINT32_MAX;
	if (slot == APIC_REG_svr && !(value & SVR_ENABLE))
		lapic_mask_lvts(vcpu);
	if (toggled)
		snapshot_take(m);
}

/*
 * KVM: kvm_lapic_reg_write takes what a register has room for, and an EOI
 * whatever its value; it checks ESR and self IPI.
 */
static bool reserved_bits_are_ignored(const struct model *m, int slot)
{
	if (slot == APIC_REG_esr || slot == APIC_REG_self_ipi)
		return false;
	if (slot == APIC_REG_eoi)
		return in_force(m, ERRATUM_x2apic_eoi_value_ignored) &&
		       decides(m, ERRATUM_x2apic_eoi_value_ignored);
	return in_force(m, ERRATUM_x2apic_reserved_bits_ignored) &&
	       decides(m, ERRATUM_x2apic_reserved_bits_ignored);
}

/* May @slot be written with @value? What is then stored is *out_value. */
static bool x2apic_value(const struct model *m, const struct model_vcpu *vcpu,
			 int slot, uint64_t value, uint32_t *out_value)
{
	bool writable;
	uint32_t bits = lapic_writable_bits(m, vcpu, slot, &writable);

	if (vcpu_mode(vcpu) != APIC_MODE_X2APIC)
		return false;
	/* KVM: kvm_x2apic_msr_write, before 5.18. */
	if (value >> 32 && in_force(m, ERRATUM_x2apic_high_bits_ignored) &&
	    decides(m, ERRATUM_x2apic_high_bits_ignored))
		value = (uint32_t)value;
	if (value >> 32)
		return false;
	if (!writable)
		return false;
	*out_value = (uint32_t)value & bits;
	return !(value & ~(uint64_t)bits) || reserved_bits_are_ignored(m, slot);
}

void model_x2apic_write(struct model *m, const struct op_x2apic_write *op,
			struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	struct op_icr_write icr = { op->vcpu, op->by,
				    (uint32_t)(op->value >> 32),
				    (uint32_t)op->value };
	struct op_self_ipi self_ipi = { op->vcpu, op->by, (uint8_t)op->value };
	uint32_t value, ppr = interrupts_ppr(vcpu);

	if (op->reg == APIC_REG_icr && vcpu_mode(vcpu) == APIC_MODE_X2APIC) {
		model_icr_write(m, &icr, out);
		return;
	}
	if (!x2apic_value(m, vcpu, op->reg, op->value, &value)) {
		promise_refused(out, 0);
		return;
	}
	promise_accepted(out);
	if (op->reg == APIC_REG_self_ipi)
		model_self_ipi(m, &self_ipi, out);
	else if (op->reg == APIC_REG_eoi)
		lapic_end_of_interrupt(m, vcpu, op->by);
	else if (op->reg == APIC_REG_esr)
		lapic_write_esr(m, vcpu);
	else
		lapic_write_register(m, vcpu, op->reg, value);
	if (op->reg == APIC_REG_tpr || op->reg == APIC_REG_eoi)
		lapic_compute_ppr(vcpu);
	interrupts_ask_if_lower(vcpu, ppr);
}
