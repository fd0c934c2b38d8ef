/*
 * Where a message goes, and what it does there. Every local APIC decides for
 * itself from its own mode and registers.
 */
#include "ref/exec.h"
#include "ref/rules.h"

#include "scenario/check.h"

/* Does an APIC receive a message? */
enum reception {
	RECEPTION_NO,
	RECEPTION_YES,
	RECEPTION_UNDEFINED, /* the manuals do not say */
};

/*
 * SDM "Physical Destination Mode": the 8-bit ID, or 0xff for all. An APIC in
 * xAPIC mode sees the low 8 bits of a wider destination: that is what
 * hardware was seen to do (commit 5b84b0291702, Knights Landing); it is also
 * how the x2APIC's broadcast reaches it.
 */
bool xapic_physical_match(uint32_t dest, uint8_t xapic_id)
{
	uint8_t seen = (uint8_t)dest;

	return seen == XAPIC_BROADCAST || seen == xapic_id;
}

/* SDM "x2APIC Physical Destination Mode": the whole ID, or all ones. */
bool x2apic_physical_match(uint32_t dest, uint32_t x2apic_id)
{
	return dest == X2APIC_BROADCAST || dest == x2apic_id;
}

/* SDM "Logical Destination Mode": bits 27:0 of DFR read as ones. */
bool dfr_is_defined(uint32_t dfr)
{
	return dfr >> 28 == DFR_FLAT >> 28 || dfr >> 28 == DFR_CLUSTER >> 28;
}

/*
 * SDM "Logical Destination Mode": in the flat model any common bit matches; in
 * the cluster model the cluster (high nibble) must be equal and a member bit
 * (low nibble) common. All ones is a broadcast in either model. The manual
 * names no third model: the caller asks dfr_is_defined() first.
 */
bool xapic_logical_match(uint8_t dest, uint32_t ldr, uint32_t dfr)
{
	uint8_t common = dest & ldr >> XAPIC_ID_SHIFT;
	bool same_cluster = dest >> 4 == ldr >> 28;

	if (dest == XAPIC_BROADCAST)
		return true;
	if (dfr >> 28 == DFR_FLAT >> 28)
		return common != 0;
	return same_cluster && (common & 0xf);
}

/* SDM "Logical Destination Mode in x2APIC Mode". */
bool x2apic_logical_match(uint32_t dest, uint32_t ldr)
{
	if (dest == X2APIC_BROADCAST)
		return true;
	return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
}

static enum reception reception_if(bool yes)
{
	return yes ? RECEPTION_YES : RECEPTION_NO;
}

/*
 * KVM: api.rst, KVM_CAP_X2APIC_API: 0xff is a broadcast even in x2APIC mode,
 * unless the quirk is disabled. The document names no source of the event and
 * no destination mode, so this covers all.
 */
static bool is_quirk_broadcast(const struct model *m, const struct message *msg)
{
	return in_force(m, ERRATUM_broadcast_quirk) &&
	       !(m->x2apic_api & X2APIC_API_DISABLE_BROADCAST_QUIRK) &&
	       msg->dest == XAPIC_BROADCAST &&
	       decides(m, ERRATUM_broadcast_quirk);
}

static bool physical_match(const struct model *m, const struct message *msg,
			   const struct model_vcpu *vcpu)
{
	uint8_t xapic_id =
		(uint8_t)(vcpu->state.apic[APIC_REG_id] >> XAPIC_ID_SHIFT);

	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC)
		return is_quirk_broadcast(m, msg) ||
		       x2apic_physical_match(msg->dest, vcpu->vcpu_id);
	/*
	 * KVM: errata.rst, "x2APIC": an event can be sent to a *single* vCPU
	 * by its x2APIC ID, also in xAPIC mode; so no other one sees the low
	 * bits of that ID as its own.
	 */
	if (in_force(m, ERRATUM_x2apic_id_reaches_xapic) && ids_are_32bit(m) &&
	    msg->dest != X2APIC_BROADCAST)
		return (msg->dest == vcpu->vcpu_id &&
			decides(m, ERRATUM_x2apic_id_reaches_xapic)) ||
		       (msg->dest <= UINT8_MAX &&
			xapic_physical_match(msg->dest, xapic_id));
	return xapic_physical_match(msg->dest, xapic_id);
}

static enum reception logical_match(const struct model *m,
				    const struct message *msg,
				    const struct model_vcpu *vcpu)
{
	const uint32_t *apic = vcpu->state.apic;

	if (in_force(m, ERRATUM_canary) && decides(m, ERRATUM_canary))
		return RECEPTION_NO;
	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC)
		return reception_if(
			is_quirk_broadcast(m, msg) ||
			x2apic_logical_match(msg->dest, apic[APIC_REG_ldr]));
	if (msg->dest == X2APIC_BROADCAST || msg->dest == XAPIC_BROADCAST)
		return RECEPTION_YES;
	/* No manual says what xAPIC mode makes of a wider logical ID. */
	if (msg->dest > UINT8_MAX || !dfr_is_defined(apic[APIC_REG_dfr]))
		return RECEPTION_UNDEFINED;
	return reception_if(xapic_logical_match(
		(uint8_t)msg->dest, apic[APIC_REG_ldr], apic[APIC_REG_dfr]));
}

/* Is this APIC one that the message is meant for? */
static enum reception addressed(const struct model *m,
				const struct message *msg,
				const struct model_vcpu *vcpu)
{
	/* SDM "Enabling or Disabling the Local APIC". */
	if (!vcpu->exists || vcpu_mode(vcpu) == APIC_MODE_OFF)
		return RECEPTION_NO;
	switch (msg->shorthand) {
	case SHORTHAND_SELF:
		return reception_if(vcpu == msg->sender);
	case SHORTHAND_ALL:
		return RECEPTION_YES;
	case SHORTHAND_ALL_BUT_SELF:
		return reception_if(vcpu != msg->sender);
	case SHORTHAND_NONE:
		break;
	}
	if (msg->logical)
		return logical_match(m, msg, vcpu);
	return reception_if(physical_match(m, msg, vcpu));
}

/*
 * SDM "Local APIC State After It Has Been Software Disabled": INIT, NMI, SMI
 * and SIPI are taken, fixed interrupts are not.
 */
static bool accepts(const struct model *m, const struct message *msg,
		    const struct model_vcpu *vcpu)
{
	switch (msg->delivery) {
	case DELIVERY_FIXED:
	case DELIVERY_LOWEST:
		return vcpu->state.apic[APIC_REG_svr] & SVR_ENABLE;
	case DELIVERY_SMI:
		/* KVM: built without CONFIG_KVM_SMM. */
		return !(in_force(m, ERRATUM_smi_dropped) &&
			 decides(m, ERRATUM_smi_dropped));
	case DELIVERY_NMI:
	case DELIVERY_INIT:
	case DELIVERY_SIPI:
		return true;
	/* ExtINT: the vector would come from a PIC, which is not modelled. */
	case DELIVERY_EXTINT:
	case DELIVERY_RESERVED:
		break;
	}
	return false;
}

/* An NMI or SMI that comes while an INIT waits: vcpu_take_events(). */
static void pend_nmi(struct model_vcpu *vcpu, bool sure)
{
	if (!sure)
		vcpu->care.nmi_pending = 0;
	else if (vcpu->state.nmi_pending < NMI_PENDING_MAX)
		vcpu->state.nmi_pending++;
}

static void pend_smi(struct model_vcpu *vcpu, bool sure)
{
	if (!sure && !vcpu->state.smi_pending)
		vcpu->care.smi_pending = 0;
	else if (sure) {
		vcpu->state.smi_pending = 1;
		vcpu->care.smi_pending = UINT32_MAX;
	}
}

/* SDM "MP Initialization Protocol": of two SIPIs the first one starts it. */
static void pend_sipi(const struct model *m, struct model_vcpu *vcpu,
		      uint8_t vector, bool sure)
{
	bool waits = vcpu->init_pending ||
		     vcpu->state.mp_state == MP_STATE_INIT_RECEIVED;

	if (!waits)
		return;
	if (vcpu->sipi_pending && !(in_force(m, ERRATUM_last_sipi_wins) &&
				    decides(m, ERRATUM_last_sipi_wins)))
		return;
	if (!sure)
		vcpu->undefined = true;
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
	if (armed && !(lvt & LVT_MASKED) && accepts(m, &interrupt, vcpu) &&
	    interrupt.vector >= VECTOR_FIRST_LEGAL)
		set_irr(vcpu, &interrupt, interrupt_sure);
}

void lapic_log_send_error(const struct model *m, struct model_vcpu *vcpu)
{
	log_error(m, vcpu, ESR_SEND_ILLEGAL_VECTOR, true);
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
	case DELIVERY_EXTINT:
	case DELIVERY_RESERVED:
		break;
	}
}

/*
 * Lowest priority to a broadcast: SDM "Physical Destination Mode" and
 * "Logical Destination Mode" forbid it, but for the flat model. What happens
 * then is not defined.
 */
static bool broadcast_of_one(const struct message *msg,
			     const struct model_vcpu *vcpu)
{
	if (!msg->one_of || msg->shorthand != SHORTHAND_NONE)
		return false;
	if (msg->dest != XAPIC_BROADCAST && msg->dest != X2APIC_BROADCAST)
		return false;
	return !msg->logical || vcpu_mode(vcpu) == APIC_MODE_X2APIC ||
	       vcpu->state.apic[APIC_REG_dfr] >> 28 != DFR_FLAT >> 28;
}

/* What each vCPU makes of one message: enum reception. */
struct receivers {
	uint8_t reception[VCPUS_MAX];
};

static uint32_t count(const struct model *m, const struct receivers *r,
		      enum reception reception)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		nr += r->reception[i] == reception;
	return nr;
}

static void find_addressed(const struct model *m, const struct message *msg,
			   struct receivers *out)
{
	bool undefined = msg->undefined;

	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		const struct model_vcpu *vcpu = &m->vcpus[i];
		enum reception reception = addressed(m, msg, vcpu);

		if (reception != RECEPTION_NO && broadcast_of_one(msg, vcpu))
			undefined = true;
		if (reception == RECEPTION_YES && vcpu->undefined)
			reception = RECEPTION_UNDEFINED;
		out->reception[i] = (uint8_t)reception;
	}
	for (uint32_t i = 0; undefined && i < m->nr_vcpus; i++)
		if (out->reception[i] == RECEPTION_YES)
			out->reception[i] = RECEPTION_UNDEFINED;
}

/*
 * KVM: errata.rst, "x2APIC": with USE_32BIT_IDS, where several vCPUs have the
 * destination as their physical ID, only the one with the lowest vCPU ID.
 */
static void keep_lowest_vcpu_id(const struct model *m, struct receivers *r)
{
	uint32_t lowest = VCPUS_MAX;

	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		if (r->reception[i] != RECEPTION_YES)
			continue;
		if (lowest == VCPUS_MAX ||
		    m->vcpus[i].vcpu_id < m->vcpus[lowest].vcpu_id)
			lowest = i;
	}
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (i != lowest)
			r->reception[i] = RECEPTION_NO;
}

static void keep_accepting(const struct model *m, const struct message *msg,
			   struct receivers *r)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (!accepts(m, msg, &m->vcpus[i]))
			r->reception[i] = RECEPTION_NO;
}

static bool is_physical_id(const struct message *msg)
{
	return msg->shorthand == SHORTHAND_NONE && !msg->logical &&
	       msg->dest != XAPIC_BROADCAST && msg->dest != X2APIC_BROADCAST;
}

/*
 * SDM "Lowest Priority Delivery Mode": one of those that match and listen, by
 * a rule of the chipset's. Where it is not certain who matches, neither is who
 * is the one.
 */
static void keep_one(struct model *m, struct receivers *r)
{
	uint32_t nr = count(m, r, RECEPTION_YES);
	bool certain = !count(m, r, RECEPTION_UNDEFINED);
	uint32_t pick = certain && nr > 1 ? model_choose(m, nr) : 0;

	for (uint32_t i = 0; nr && i < m->nr_vcpus; i++) {
		if (r->reception[i] != RECEPTION_YES)
			continue;
		if (!certain)
			r->reception[i] = RECEPTION_UNDEFINED;
		else if (pick-- != 0)
			r->reception[i] = RECEPTION_NO;
	}
}

enum delivered message_deliver(struct model *m, const struct message *msg)
{
	enum delivered delivered = DELIVERED_TO_NONE;
	struct receivers r;

	find_addressed(m, msg, &r);
	if (in_force(m, ERRATUM_alias_lowest_vcpu_id) && ids_are_32bit(m) &&
	    is_physical_id(msg) && count(m, &r, RECEPTION_YES) > 1 &&
	    decides(m, ERRATUM_alias_lowest_vcpu_id))
		keep_lowest_vcpu_id(m, &r);
	keep_accepting(m, msg, &r);
	if (msg->one_of)
		keep_one(m, &r);
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		bool sure = r.reception[i] == RECEPTION_YES;

		if (r.reception[i] == RECEPTION_NO)
			continue;
		receive(m, &m->vcpus[i], msg, sure);
		if (sure)
			delivered = DELIVERED;
		else if (delivered == DELIVERED_TO_NONE)
			delivered = DELIVERED_UNSURE;
	}
	return delivered;
}
