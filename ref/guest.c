/*
 * What is different about ops that a guest does: they are instructions of a
 * vCPU that must run, refused by an exception, and a vCPU that runs takes the
 * events that wait for it.
 */
#include "ref/guest.h"
#include "ref/rules.h"
#include "scenario/guest_memory.h"

#define VECTOR_GP 13u

/*
 * SDM "Handling Multiple NMIs", APM "Non-Maskable Interrupt": one is taken, and
 * until an IRET further ones are blocked. The guest program has no IRET. An SMI
 * is over at once: its handler is an RSM.
 */
static void take_nmi_and_smi(struct model_vcpu *vcpu)
{
	vcpu->state.smi_pending = 0;
	vcpu->care.smi_pending = UINT32_MAX;
	if (vcpu->nmi_blocked || !vcpu->state.nmi_pending)
		return;
	interrupts_ask(vcpu, true);
	vcpu->state.nmi_pending--;
	vcpu->nmi_blocked = true;
}

/*
 * KVM: sync_cr8_to_lapic after each exit, unless it intercepts writes of CR8:
 * where a request waits for TPR to be lowered, and of a new vCPU until its APIC
 * was found enabled by software.
 */
static void lose_tpr_bits(const struct model *m, struct model_vcpu *vcpu)
{
	uint32_t *tpr = &vcpu->state.apic[APIC_REG_tpr];
	bool open = !(vcpu->state.apic[APIC_REG_svr] & SVR_ENABLE);

	if (!(*tpr & ~0xf0u) || !in_force(m, ERRATUM_tpr_low_bits_lost) ||
	    !decides(m, ERRATUM_tpr_low_bits_lost))
		return;
	for (int word = 0; word < 8; word++)
		open |= vcpu->state.apic[APIC_REG_irr0 + word] ||
			vcpu->care.apic[APIC_REG_irr0 + word] != UINT32_MAX;
	if (open)
		vcpu->care.apic[APIC_REG_tpr] = 0xf0;
	else
		*tpr &= 0xf0;
	lapic_compute_ppr(vcpu);
}

/*
 * SDM "MP Initialization Protocol": a vCPU that waits for INIT or SIPI executes
 * nothing. Of one that may have been reset it is not known, nor is then what
 * else the op may have done.
 */
bool guest_begin(struct model *m, struct model_vcpu *vcpu, struct promise *out)
{
	vcpu_take_events(m, vcpu);
	if (vcpu->undefined)
		m->nothing_is_promised = true;
	/* Without CPUID there is no long mode. */
	if (guest_is_long(m) && m->scenario->config.cpuid == CPUID_NONE) {
		promise_refused(out, 0);
		out->want.outcome = vcpu->state.mp_state == MP_STATE_RUNNABLE ?
					    OUTCOME_IMPOSSIBLE :
					    OUTCOME_NOT_RUN;
		return false;
	}
	if (vcpu->exceptions && (vcpu->state.mp_state == MP_STATE_RUNNABLE ||
				 vcpu->state.mp_state == MP_STATE_HALTED)) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_EXCEPTION_WAITS;
		return false;
	}
	if (vcpu->state.mp_state == MP_STATE_HALTED && !vcpu->has_shut_down)
		interrupts_wake_up(m, vcpu);
	if (vcpu->state.mp_state != MP_STATE_RUNNABLE || vcpu->has_shut_down) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_NOT_RUN;
		return false;
	}
	if (vcpu->will_shut_down) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_SHUTDOWN;
		vcpu->has_shut_down = true;
		return false;
	}
	guest_enter(m, vcpu);
	vcpu->nmi_came = false;
	/* KVM: kvm_apic_has_interrupt, if then or ever, of an APIC that is on. */
	if (vcpu_mode(vcpu) != APIC_MODE_OFF &&
	    !interrupts_pic_may_reach(m, vcpu) && vcpu->care.apic[APIC_REG_ppr])
		lapic_compute_ppr(vcpu);
	else if (vcpu->ppr_is_stale)
		vcpu->care.apic[APIC_REG_ppr] = 0;
	lose_tpr_bits(m, vcpu);
	take_nmi_and_smi(vcpu);
	interrupts_look(vcpu);
	interrupts_after_halt(m, vcpu);
	return true;
}

/* What a guest sent to itself it takes before its next instruction. */
void guest_end(struct model *m, struct model_vcpu *vcpu, struct promise *out)
{
	bool init = vcpu->init_pending;

	if (!out->want.accepted && !out->want.outcome) {
		out->want.outcome = OUTCOME_EXCEPTION;
		out->want.exception = VECTOR_GP;
		out->want.error = 0;
	}
	if (out->want.outcome == OUTCOME_EXCEPTION)
		interrupts_ask(vcpu, true);
	lose_tpr_bits(m, vcpu);
	vcpu_take_events(m, vcpu);
	if (vcpu->undefined)
		m->nothing_is_promised = true;
	if (init)
		out->want.outcome = OUTCOME_RESET;
	if (vcpu->state.mp_state != MP_STATE_RUNNABLE)
		return;
	vcpu->nmi_came = false;
	if (init)
		guest_enter(m, vcpu);
	take_nmi_and_smi(vcpu);
	interrupts_look(vcpu);
}

/* See scenario/guest_memory.h. */
bool guest_reaches_page(const struct model *m, const struct model_vcpu *vcpu)
{
	uint64_t page = vcpu->state.apicbase & ~0xfffull;

	return page >= GUEST_MEMORY_END && page != GUEST_RESET_PAGE &&
	       (page <= UINT32_MAX || guest_is_long(m));
}

/*
 * KVM: with APICv there is a page of memory at the APIC's usual address, which
 * the CPU does not let a guest see while its APIC is in xAPIC mode.
 */
bool guest_page_is_memory(const struct model *m, const struct model_vcpu *vcpu)
{
	return (vcpu->state.apicbase & ~0xfffull) == APICBASE_ADDRESS_DEFAULT &&
	       !m->page_was_moved && in_force(m, ERRATUM_apic_page_is_memory) &&
	       decides(m, ERRATUM_apic_page_is_memory);
}
