/*
 * Which vCPUs a message goes to. By the architecture each local APIC is asked.
 * KVM looks receivers up where it can: see ref/snapshot.c.
 */
#include "ref/message.h"
#include "ref/rules.h"

static uint32_t count(const struct model *m, const struct receivers *r,
		      enum reception reception)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		nr += r->reception[i] == reception;
	return nr;
}

/*
 * One of all: lowest priority, or the redirection hint, to a broadcast. SDM
 * "Physical Destination Mode", "Logical Destination Mode" and "Message Address
 * Register Format" forbid it, but for the flat model. What happens then is
 * not defined.
 */
static bool broadcast_of_one(const struct model *m, const struct message *msg,
			     const struct model_vcpu *vcpu)
{
	bool xapic = vcpu_mode(vcpu) == APIC_MODE_XAPIC;
	bool flat = xapic && vcpu->state.apic[APIC_REG_dfr] == DFR_FLAT;

	if (!msg->one_of || msg->shorthand != SHORTHAND_NONE)
		return false;
	if (msg->dest != X2APIC_BROADCAST &&
	    !(msg->dest == XAPIC_BROADCAST && xapic) &&
	    !message_is_quirk_broadcast(m, msg))
		return false;
	return !msg->logical || !flat;
}

/*
 * KVM: kvm_irq_delivery_to_apic makes a physical broadcast that is meant for
 * one of many a fixed interrupt, whatever its delivery mode was.
 */
static bool broadcast_becomes_fixed(const struct model *m, struct message *msg)
{
	bool lowest = msg->delivery == DELIVERY_LOWEST || msg->hint;

	if (!in_force(m, ERRATUM_lowest_broadcast_is_fixed) ||
	    msg->shorthand != SHORTHAND_NONE || msg->logical ||
	    msg->dest != XAPIC_BROADCAST || !lowest)
		return false;
	decides(m, ERRATUM_lowest_broadcast_is_fixed);
	msg->delivery = DELIVERY_FIXED;
	msg->one_of = msg->hint;
	msg->undefined = false;
	return true;
}

/*
 * KVM: kvm_irq_delivery_to_apic, with the redirection hint: one of those that
 * are software-enabled, also for a physical destination, and whatever the
 * delivery mode.
 */
static bool hint_passes_over(const struct model *m, const struct message *msg,
			     const struct model_vcpu *vcpu)
{
	return msg->hint && !vcpu->undefined &&
	       in_force(m, ERRATUM_hint_wants_enabled) &&
	       decides(m, ERRATUM_hint_wants_enabled) &&
	       !(vcpu->state.apic[APIC_REG_svr] & SVR_ENABLE);
}

static void ask_each(const struct model *m, struct message *msg,
		     struct receivers *out)
{
	bool settled = broadcast_becomes_fixed(m, msg);

	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		const struct model_vcpu *vcpu = &m->vcpus[i];
		enum reception reception = apic_is_addressed(m, msg, vcpu);

		if (reception != RECEPTION_NO && !settled &&
		    broadcast_of_one(m, msg, vcpu))
			msg->undefined = true;
		if (hint_passes_over(m, msg, vcpu))
			reception = RECEPTION_NO;
		out->reception[i] = (uint8_t)reception;
	}
}

/* Where it is not certain who is meant, or in what state a vCPU is. */
static void mark_undefined(const struct model *m, const struct message *msg,
			   struct receivers *r)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (r->reception[i] == RECEPTION_YES &&
		    (msg->undefined || m->vcpus[i].undefined))
			r->reception[i] = RECEPTION_UNDEFINED;
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

/*
 * KVM: its table has one vCPU an ID: the one that has the whole ID, else, of
 * those in xAPIC mode, the one that was created first.
 */
static void keep_owner(const struct model *m, uint32_t dest,
		       struct receivers *r)
{
	uint32_t owner = snapshot_owner(m, dest);

	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (i != owner)
			r->reception[i] = RECEPTION_NO;
}

static bool is_physical_id(const struct message *msg)
{
	return msg->shorthand == SHORTHAND_NONE && !msg->logical &&
	       msg->dest != XAPIC_BROADCAST && msg->dest != X2APIC_BROADCAST;
}

static void keep_accepting(const struct model *m, const struct message *msg,
			   struct receivers *r)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (!message_is_accepted(m, msg, &m->vcpus[i]))
			r->reception[i] = RECEPTION_NO;
}

/* KVM: its module parameter vector_hashing picks by the vector. */
static uint32_t pick_one(struct model *m, const struct message *msg,
			 uint32_t nr)
{
	if (in_force(m, ERRATUM_lowest_by_vector) &&
	    decides(m, ERRATUM_lowest_by_vector))
		return msg->vector % nr;
	return model_choose(m, nr);
}

/*
 * SDM "Lowest Priority Delivery Mode": one of those that match and listen, by
 * a rule of the chipset's. Where it is not certain who matches, neither is who
 * is the one.
 */
static void keep_one(struct model *m, const struct message *msg,
		     struct receivers *r)
{
	uint32_t nr = count(m, r, RECEPTION_YES);
	bool certain = !count(m, r, RECEPTION_UNDEFINED);
	uint32_t pick = certain && nr > 1 ? pick_one(m, msg, nr) : 0;

	r->somebody = nr > 0;

	for (uint32_t i = 0; nr && i < m->nr_vcpus; i++) {
		if (r->reception[i] != RECEPTION_YES)
			continue;
		if (!certain)
			r->reception[i] = RECEPTION_UNDEFINED;
		else if (pick-- != 0)
			r->reception[i] = RECEPTION_NO;
	}
}

/*
 * A message that may have become a fixed interrupt on its way to all, or not:
 * of those that it may have reached nothing is certain.
 */
static void lose_track(struct model *m, struct message *msg)
{
	msg->delivery = DELIVERY_FIXED;
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].exists)
			m->vcpus[i].undefined = true;
}

static bool may_become_fixed(const struct model *m, const struct message *msg)
{
	return in_force(m, ERRATUM_lowest_broadcast_is_fixed) &&
	       in_force(m, ERRATUM_routing_snapshot) &&
	       msg->shorthand == SHORTHAND_NONE && !msg->logical &&
	       msg->dest == XAPIC_BROADCAST && msg->one_of &&
	       snapshot_is_unsure(m, msg) &&
	       decides(m, ERRATUM_lowest_broadcast_is_fixed) &&
	       decides(m, ERRATUM_routing_snapshot);
}

void route_message(struct model *m, struct message *msg, struct receivers *out)
{
	bool looked_up = snapshot_look_up(m, msg, out);

	out->somebody = false;
	if (may_become_fixed(m, msg))
		lose_track(m, msg);
	if (!looked_up)
		ask_each(m, msg, out);
	if (looked_up && in_force(m, ERRATUM_alias_first_created) &&
	    !msg->logical && count(m, out, RECEPTION_YES) > 1 &&
	    decides(m, ERRATUM_alias_first_created))
		keep_owner(m, msg->dest, out);
	if (in_force(m, ERRATUM_alias_lowest_vcpu_id) && ids_are_32bit(m) &&
	    is_physical_id(msg) && count(m, out, RECEPTION_YES) > 1 &&
	    decides(m, ERRATUM_alias_lowest_vcpu_id))
		keep_lowest_vcpu_id(m, out);
	mark_undefined(m, msg, out);
	keep_accepting(m, msg, out);
	if (msg->one_of)
		keep_one(m, msg, out);
}
