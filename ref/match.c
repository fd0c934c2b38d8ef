/*
 * Who a message is meant for, as each local APIC decides for itself from its
 * own mode and registers. How KVM departs from asking each is in route.c.
 */
#include "ref/message.h"
#include "ref/rules.h"

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

/*
 * SDM "Logical Destination Mode": two models, and bits 27:0 are ones. (The
 * host can restore a DFR that no guest could have written.)
 */
bool dfr_is_defined(uint32_t dfr)
{
	return dfr == DFR_FLAT || dfr == DFR_CLUSTER;
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
	if (dfr == DFR_FLAT)
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
 * no destination mode, so its row covers all.
 */
bool message_is_quirk_broadcast(const struct model *m,
				const struct message *msg)
{
	bool all = in_force(m, ERRATUM_broadcast_quirk);
	/* KVM: kvm_apic_mda, from sources that are no local APIC. */
	bool devices = in_force(m, ERRATUM_broadcast_quirk_devices) &&
		       !msg->sender;

	if (m->x2apic_api & X2APIC_API_DISABLE_BROADCAST_QUIRK ||
	    msg->dest != XAPIC_BROADCAST)
		return false;
	return (devices && decides(m, ERRATUM_broadcast_quirk_devices)) ||
	       (all && decides(m, ERRATUM_broadcast_quirk));
}

/*
 * KVM: kvm_apic_match_physical_addr compares a destination above 0xff with
 * the x2APIC ID, whatever the mode, so that a vCPU which is still in xAPIC
 * mode can be reached; the low bits of it are nobody's ID.
 */
static bool wide_physical_match(const struct model *m,
				const struct message *msg,
				const struct model_vcpu *vcpu)
{
	decides(m, ERRATUM_xapic_dest_whole);
	return msg->dest == vcpu->vcpu_id;
}

/*
 * KVM: errata.rst, "x2APIC": an event can be sent to a *single* vCPU by its
 * x2APIC ID, also in xAPIC mode; so no other one sees the low bits of that ID
 * as its own.
 */
static bool x2apic_id_match(const struct model *m, const struct message *msg,
			    const struct model_vcpu *vcpu)
{
	if (msg->dest > UINT8_MAX || msg->dest == vcpu->vcpu_id)
		decides(m, ERRATUM_x2apic_id_reaches_xapic);
	return msg->dest == vcpu->vcpu_id;
}

static enum reception physical_match(const struct model *m,
				     const struct message *msg,
				     const struct model_vcpu *vcpu)
{
	uint8_t xapic_id =
		(uint8_t)(vcpu->state.apic[APIC_REG_id] >> XAPIC_ID_SHIFT);

	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC)
		return reception_if(
			message_is_quirk_broadcast(m, msg) ||
			x2apic_physical_match(msg->dest, vcpu->vcpu_id));
	if (in_force(m, ERRATUM_x2apic_id_reaches_xapic) && ids_are_32bit(m) &&
	    msg->dest != X2APIC_BROADCAST)
		return reception_if(
			x2apic_id_match(m, msg, vcpu) ||
			(msg->dest <= UINT8_MAX &&
			 xapic_physical_match(msg->dest, xapic_id)));
	if (in_force(m, ERRATUM_xapic_dest_whole) && msg->dest > UINT8_MAX)
		return reception_if(wide_physical_match(m, msg, vcpu));
	/* Does a wider ID that ends in 0xff look like a broadcast? */
	if (msg->dest > UINT8_MAX && msg->dest != X2APIC_BROADCAST &&
	    (uint8_t)msg->dest == XAPIC_BROADCAST)
		return RECEPTION_UNDEFINED;
	return reception_if(xapic_physical_match(msg->dest, xapic_id));
}

/*
 * KVM: kvm_apic_match_logical_addr, of a destination above 0xff: in the flat
 * model the low 8 bits count, in the cluster model the whole of it.
 */
static enum reception wide_logical_match(uint32_t dest, const uint32_t *apic)
{
	uint32_t id = apic[APIC_REG_ldr] >> XAPIC_ID_SHIFT;

	if (!dfr_is_defined(apic[APIC_REG_dfr]))
		return RECEPTION_UNDEFINED;
	if (apic[APIC_REG_dfr] == DFR_FLAT)
		return reception_if(id & dest);
	return reception_if(id >> 4 == dest >> 4 && (id & dest & 0xf));
}

static enum reception logical_match(const struct model *m,
				    const struct message *msg,
				    const struct model_vcpu *vcpu)
{
	const uint32_t *apic = vcpu->state.apic;

	/* It may have been reset: nobody knows its LDR. */
	if (vcpu->undefined)
		return RECEPTION_UNDEFINED;
	if (in_force(m, ERRATUM_canary) && decides(m, ERRATUM_canary))
		return RECEPTION_NO;
	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC)
		return reception_if(
			message_is_quirk_broadcast(m, msg) ||
			x2apic_logical_match(msg->dest, apic[APIC_REG_ldr]));
	if (msg->dest == XAPIC_BROADCAST)
		return RECEPTION_YES;
	if (msg->dest > UINT8_MAX && in_force(m, ERRATUM_xapic_dest_whole) &&
	    decides(m, ERRATUM_xapic_dest_whole))
		return wide_logical_match(msg->dest, apic);
	if (msg->dest == X2APIC_BROADCAST)
		return RECEPTION_YES;
	/* No manual says what xAPIC mode makes of a wider logical ID. */
	if (msg->dest > UINT8_MAX || !dfr_is_defined(apic[APIC_REG_dfr]))
		return RECEPTION_UNDEFINED;
	return reception_if(xapic_logical_match(
		(uint8_t)msg->dest, apic[APIC_REG_ldr], apic[APIC_REG_dfr]));
}

enum reception apic_is_addressed(const struct model *m,
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
	return physical_match(m, msg, vcpu);
}
