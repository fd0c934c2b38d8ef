/*
 * Interrupts that a guest takes. What KVM adds to the manuals: it looks for
 * them only where something asked it to, as it enters the guest, or where it
 * waits for the guest to enable interrupts because it found one before.
 */
#include "ref/guest.h"
#include "ref/rules.h"

void interrupts_ask(struct model_vcpu *vcpu, bool sure)
{
	if (sure) {
		vcpu->look.asked = true;
		vcpu->look.open = false;
	} else if (!vcpu->look.asked) {
		vcpu->look.open = true;
	}
}

uint32_t interrupts_ppr(const struct model_vcpu *vcpu)
{
	return lapic_ppr(vcpu->state.apic[APIC_REG_tpr],
			 &vcpu->state.apic[APIC_REG_isr0]);
}

/* The highest of the 256 bits, or 0. */
static uint32_t highest_vector(const uint32_t bits[8])
{
	for (uint32_t vector = 255; vector > 0; vector--)
		if (bits[vector / 32] >> vector % 32 & 1)
			return vector;
	return 0;
}

static bool all_are_promised(const uint32_t care[8])
{
	for (int word = 0; word < 8; word++)
		if (care[word] != UINT32_MAX)
			return false;
	return true;
}

/*
 * SDM "Interrupt Acceptance for Fixed Interrupts", "Task and Processor
 * Priorities": the highest one that is requested, if its class is higher than
 * the processor's. Of a disabled APIC nothing comes. 0: none.
 */
static uint32_t waiting_vector(const struct model_vcpu *vcpu)
{
	uint32_t vector = highest_vector(&vcpu->state.apic[APIC_REG_irr0]);

	if (vcpu_mode(vcpu) == APIC_MODE_OFF)
		return 0;
	return vector >> 4 > interrupts_ppr(vcpu) >> 4 ? vector : 0;
}

/*
 * SDM "Local Vector Table", "Local APIC Status and Location": may the PIC have
 * something that gets to the vCPU? By LINT0, and past an APIC that is disabled.
 */
bool interrupts_pic_may_reach(const struct model *m,
			      const struct model_vcpu *vcpu)
{
	uint32_t lint0 = vcpu->state.apic[APIC_REG_lvt_lint0];

	return m->chipset.pic_unsure &&
	       (vcpu_mode(vcpu) == APIC_MODE_OFF ||
		(lint0 & (LVT_MASKED | LVT_EXTINT)) == LVT_EXTINT);
}

/* KVM: kvm_check_and_inject_events, and enable_irq_window of the module. */
void interrupts_look(struct model_vcpu *vcpu)
{
	if (vcpu->look.asked && waiting_vector(vcpu))
		vcpu->look.window = true;
	vcpu->look.asked = false;
}

/* KVM: apic_update_ppr. */
void interrupts_ask_if_lower(struct model_vcpu *vcpu, uint32_t ppr)
{
	if (interrupts_ppr(vcpu) < ppr && waiting_vector(vcpu))
		interrupts_ask(vcpu, true);
}

/*
 * The guest has enabled interrupts: the vector that it takes, which is then in
 * service, or 0.
 */
static uint32_t take(struct model *m, struct model_vcpu *vcpu)
{
	uint32_t vector = waiting_vector(vcpu);
	uint32_t bit = 1u << vector % 32;
	bool looks = vcpu->look.window;

	if (interrupts_pic_may_reach(m, vcpu))
		m->nothing_is_promised = true;
	if (vcpu_mode(vcpu) != APIC_MODE_OFF &&
	    !all_are_promised(&vcpu->care.apic[APIC_REG_irr0]))
		m->nothing_is_promised = true;
	vcpu->look.window = false;
	/* KVM: vcpu_enter_guest, where no KVM_REQ_EVENT is pending. */
	if (vector && !looks && in_force(m, ERRATUM_interrupt_forgotten) &&
	    decides(m, ERRATUM_interrupt_forgotten)) {
		m->nothing_is_promised |= vcpu->look.open;
		return 0;
	}
	if (!vector)
		return 0;
	vcpu->state.apic[APIC_REG_irr0 + vector / 32] &= ~bit;
	lapic_compute_ppr(vcpu);
	/* KVM: kvm_pvm, which does the EOI as well. */
	if (in_force(m, ERRATUM_interrupt_not_in_service) &&
	    decides(m, ERRATUM_interrupt_not_in_service)) {
		lapic_tell_ioapics(m, vcpu, (uint8_t)vector, AGENT_GUEST);
		return vector;
	}
	vcpu->state.apic[APIC_REG_isr0 + vector / 32] |= bit;
	vcpu->taken = (uint8_t)vector;
	return vector;
}

void model_interrupt_take(struct model *m, const struct op_interrupt_take *op,
			  struct promise *out)
{
	promise_accepted(out);
	out->want.value = take(m, &m->vcpus[op->vcpu]);
}

/*
 * SDM "HLT-Halt": execution goes on with an interrupt that is enabled, an NMI,
 * an SMI or an INIT. What waits already is taken at once.
 */
void model_halt(struct model *m, const struct op_halt *op, struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	bool waits = waiting_vector(vcpu);

	promise_accepted(out);
	out->want.value = take(m, vcpu);
	m->nothing_is_promised |= vcpu->unhalted_open;
	/* KVM: kvm_arch_vcpu_runnable, also where it forgot what waits. */
	if (waits || vcpu->unhalted) {
		vcpu_forget_unhalted(vcpu);
		return;
	}
	vcpu->state.mp_state = MP_STATE_HALTED;
	vcpu->takes_interrupts = true;
	out->want.outcome = OUTCOME_HALTED;
}

/* Is it known whether anything that ends a HLT waits? */
static bool end_of_halt_is_known(const struct model_vcpu *vcpu)
{
	if (!vcpu->care.nmi_pending || !vcpu->care.smi_pending ||
	    vcpu->unhalted_open)
		return false;
	return !vcpu->takes_interrupts || vcpu_mode(vcpu) == APIC_MODE_OFF ||
	       all_are_promised(&vcpu->care.apic[APIC_REG_irr0]);
}

void interrupts_wake_up(struct model *m, struct model_vcpu *vcpu)
{
	bool nmi = vcpu->state.nmi_pending && !vcpu->nmi_blocked;
	bool interrupt = vcpu->takes_interrupts && waiting_vector(vcpu);

	/* KVM: kvm_vcpu_has_events, KVM_REQ_NMI. */
	if (vcpu->nmi_came && !nmi && in_force(m, ERRATUM_blocked_nmi_wakes) &&
	    decides(m, ERRATUM_blocked_nmi_wakes))
		nmi = true;
	if (!end_of_halt_is_known(vcpu) ||
	    (vcpu->takes_interrupts && interrupts_pic_may_reach(m, vcpu)))
		m->nothing_is_promised = true;
	/* KVM: kvm_apic_has_interrupt, to see whether it is runnable. */
	if (vcpu->takes_interrupts && vcpu_mode(vcpu) != APIC_MODE_OFF &&
	    vcpu->care.apic[APIC_REG_ppr])
		lapic_compute_ppr(vcpu);
	/* KVM: the shutdown, which is a request to the vCPU, ends a HLT. */
	if (!interrupt && !nmi && !vcpu->state.smi_pending && !vcpu->unhalted &&
	    !vcpu->will_shut_down)
		return;
	vcpu->state.mp_state = MP_STATE_RUNNABLE;
	vcpu_forget_unhalted(vcpu);
}

/* What it had enabled them for, and then it disables them. */
void interrupts_after_halt(struct model *m, struct model_vcpu *vcpu)
{
	if (vcpu->takes_interrupts)
		take(m, vcpu);
	vcpu->takes_interrupts = false;
}
