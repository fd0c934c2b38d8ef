/* What a message does where it arrives. Where that is, is in route.c. */
#include "ref/message.h"
#include "ref/guest.h"
#include "ref/rules.h"

enum { NMI_PENDING_MAX = 2 };

/*
 * SDM "Self-IPI Virtualization": the CPU looks at what is sent, and not whether
 * the APIC is enabled. KVM has it do that while it uses APICv.
 */
static bool is_self_ipi_of_cpu(const struct model *m, const struct message *msg)
{
	return msg->by_cpu && msg->shorthand == SHORTHAND_SELF &&
	       msg->delivery == DELIVERY_FIXED && !msg->level &&
	       msg->vector >= VECTOR_FIRST_LEGAL && !m->page_was_moved &&
	       in_force(m, ERRATUM_self_ipi_while_disabled) &&
	       decides(m, ERRATUM_self_ipi_while_disabled);
}

/*
 * SDM "Local APIC State After It Has Been Software Disabled": INIT, NMI, SMI
 * and SIPI are taken, fixed interrupts are not.
 */
bool message_is_accepted(const struct model *m, const struct message *msg,
			 const struct model_vcpu *vcpu)
{
	switch (msg->delivery) {
	case DELIVERY_FIXED:
	case DELIVERY_LOWEST:
		/* Of one that may have been reset, not even SVR is known. */
		return vcpu->undefined ||
		       vcpu->state.apic[APIC_REG_svr] & SVR_ENABLE ||
		       is_self_ipi_of_cpu(m, msg);
	case DELIVERY_SMI:
		/* KVM: built without CONFIG_KVM_SMM. */
		return !(in_force(m, ERRATUM_smi_dropped) &&
			 decides(m, ERRATUM_smi_dropped));
	case DELIVERY_NMI:
	case DELIVERY_INIT:
	case DELIVERY_SIPI:
		return true;
	case DELIVERY_RESERVED:
		/* KVM: __apic_accept_irq, APIC_DM_REMRD. */
		return in_force(m, ERRATUM_reserved_mode_unhalts) &&
		       decides(m, ERRATUM_reserved_mode_unhalts);
	/* ExtINT: the vector would come from a PIC, which is not modelled. */
	case DELIVERY_EXTINT:
		break;
	}
	return false;
}

/* An NMI or SMI that comes while an INIT waits: vcpu_take_events(). */
static void pend_nmi(struct model_vcpu *vcpu, bool sure)
{
	uint32_t max = vcpu->nmi_blocked ? 1 : NMI_PENDING_MAX;

	interrupts_ask(vcpu, sure);

	vcpu->nmi_came |= sure;
	if (!sure)
		vcpu->care.nmi_pending = 0;
	else if (vcpu->state.nmi_pending < max)
		vcpu->state.nmi_pending++;
}

static void pend_smi(struct model_vcpu *vcpu, bool sure)
{
	interrupts_ask(vcpu, sure);
	if (!sure && !vcpu->state.smi_pending)
		vcpu->care.smi_pending = 0;
	else if (sure) {
		vcpu->state.smi_pending = 1;
		vcpu->care.smi_pending = UINT32_MAX;
	}
}

/*
 * SDM "MP Initialization Protocol": of two SIPIs the first one starts it. It
 * waits, and counts if the vCPU waits for one when it takes it.
 */
static void pend_sipi(const struct model *m, struct model_vcpu *vcpu,
		      uint8_t vector, bool sure)
{
	interrupts_ask(vcpu, sure);
	if (vcpu->sipi_pending && !(in_force(m, ERRATUM_last_sipi_wins) &&
				    decides(m, ERRATUM_last_sipi_wins)))
		return;
	vcpu->sipi_unsure = !sure || (vcpu->sipi_pending && vcpu->sipi_unsure);
	vcpu->sipi_pending = true;
	vcpu->sipi_vector = vector;
}

static void pend_init(struct model_vcpu *vcpu, bool sure)
{
	if (!sure)
		vcpu->undefined = true;
	vcpu->init_pending = true;
	vcpu->sipi_pending = false;
}

/*
 * SDM "Interrupt Acceptance for Fixed Interrupts": IRR is set, and TMR is set
 * for a level-triggered one and cleared for an edge-triggered one.
 */
static void set_irr(struct model_vcpu *vcpu, const struct message *msg,
		    bool sure)
{
	uint32_t word = msg->vector / 32;
	uint32_t bit = 1u << msg->vector % 32;
	uint32_t *irr = &vcpu->state.apic[APIC_REG_irr0 + word];
	uint32_t *tmr = &vcpu->state.apic[APIC_REG_tmr0 + word];
	uint32_t *irr_care = &vcpu->care.apic[APIC_REG_irr0 + word];
	uint32_t *tmr_care = &vcpu->care.apic[APIC_REG_tmr0 + word];

	interrupts_ask(vcpu, sure);
	if (!sure) {
		if (!(*irr & bit))
			*irr_care &= ~bit;
		if (msg->level != !!(*tmr & bit))
			*tmr_care &= ~bit;
		return;
	}
	*irr |= bit;
	*irr_care |= bit;
	*tmr = msg->level ? *tmr | bit : *tmr & ~bit;
	*tmr_care |= bit;
}

/*
 * SDM "Error Handling": an error is logged, and raises the interrupt of LVT
 * Error, once until ESR is written. (That LVT's own illegal vector would be
 * one error more of a kind that is logged already.)
 */
static void log_error(const struct model *m, struct model_vcpu *vcpu,
		      uint32_t error, bool sure)
{
	uint32_t lvt = vcpu->state.apic[APIC_REG_lvt_error];
	struct message interrupt = { .vector = (uint8_t)lvt };
	bool armed = !vcpu->esr_seen;
	bool interrupt_sure = sure && !vcpu->esr_unsure;

	if (in_force(m, ERRATUM_no_apic_errors) &&
	    decides(m, ERRATUM_no_apic_errors))
		return;
	if (sure)
		vcpu->esr_seen |= error;
	else
		vcpu->esr_unsure |= error;
	if (armed && !(lvt & LVT_MASKED) &&
	    message_is_accepted(m, &interrupt, vcpu) &&
	    interrupt.vector >= VECTOR_FIRST_LEGAL)
		set_irr(vcpu, &interrupt, interrupt_sure);
}

void lapic_log_send_error(const struct model *m, struct model_vcpu *vcpu)
{
	log_error(m, vcpu, ESR_SEND_ILLEGAL_VECTOR, true);
}

void lapic_log_reserved_access(const struct model *m, struct model_vcpu *vcpu)
{
	log_error(m, vcpu, ESR_ILLEGAL_REGISTER, true);
}

/* SDM "Error Handling": vectors 0 to 15 are not delivered. */
static void receive_fixed(const struct model *m, struct model_vcpu *vcpu,
			  const struct message *msg, bool sure)
{
	bool legal = msg->vector >= VECTOR_FIRST_LEGAL ||
		     (in_force(m, ERRATUM_illegal_vector_accepted) &&
		      decides(m, ERRATUM_illegal_vector_accepted));

	if (!legal)
		log_error(m, vcpu, ESR_RECEIVE_ILLEGAL_VECTOR,
			  sure && !msg->sender);
	else
		set_irr(vcpu, msg, sure);
}

static void unhalt(struct model_vcpu *vcpu, bool sure)
{
	interrupts_ask(vcpu, sure);
	if (sure)
		vcpu->unhalted = true;
	else if (!vcpu->unhalted)
		vcpu->unhalted_open = true;
}

static void receive(const struct model *m, struct model_vcpu *vcpu,
		    const struct message *msg, bool sure)
{
	switch (msg->delivery) {
	case DELIVERY_FIXED:
	case DELIVERY_LOWEST:
		receive_fixed(m, vcpu, msg, sure);
		break;
	case DELIVERY_SMI:
		pend_smi(vcpu, sure);
		break;
	case DELIVERY_NMI:
		pend_nmi(vcpu, sure);
		break;
	case DELIVERY_INIT:
		pend_init(vcpu, sure);
		break;
	case DELIVERY_SIPI:
		pend_sipi(m, vcpu, msg->vector, sure);
		break;
	case DELIVERY_RESERVED:
		unhalt(vcpu, sure);
		break;
	case DELIVERY_EXTINT:
		break;
	}
}

void message_deliver(struct model *m, const struct message *msg,
		     struct delivered *out)
{
	struct message routed = *msg;
	struct receivers r;

	route_message(m, &routed, &r);
	*out = (struct delivered){ .somebody = r.somebody };
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		bool sure = r.reception[i] == RECEPTION_YES;

		if (r.reception[i] == RECEPTION_NO)
			continue;
		receive(m, &m->vcpus[i], &routed, sure);
		out->nr += sure;
		out->somebody |= sure;
		out->perhaps |= !sure;
	}
}
