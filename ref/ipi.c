/* Interrupts that a local APIC sends: ICR and self IPI. */
#include "ref/guest.h"
#include "ref/message.h"

/* A fixed interrupt, also where one of several is to take it. */
static bool is_fixed(enum delivery delivery)
{
	return delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST;
}

/*
 * SDM "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local
 * xAPIC Interrupt Command Register", APM "Valid ICR Field Combinations": to
 * self, and to all with self, only fixed interrupts can be sent. What the
 * others do is not defined.
 */
static bool combination_is_valid(enum shorthand shorthand,
				 enum delivery delivery)
{
	if (shorthand == SHORTHAND_SELF || shorthand == SHORTHAND_ALL)
		return delivery == DELIVERY_FIXED;
	return true;
}

/*
 * SDM "Interrupt Command Register (ICR)": trigger mode is ignored and issued
 * as edge. APM "Valid ICR Field Combinations": a fixed IPI can be
 * level-triggered. Either may be seen.
 */
static bool fixed_ipi_is_level(struct model *m, uint32_t low)
{
	return low & ICR_LEVEL && low & ICR_ASSERT && model_choose(m, 2) == 0;
}

/*
 * A level de-assert of a fixed interrupt: by the SDM the level is always
 * issued as asserted, the APM does not list the combination. It may be sent
 * as an edge, or be nothing.
 */
static bool fixed_ipi_is_dropped(struct model *m, uint32_t low)
{
	return low & ICR_LEVEL && !(low & ICR_ASSERT) &&
	       model_choose(m, 2) == 0;
}

/* SDM "Error Handling": the sender of an illegal vector logs that. */
static void log_illegal_vector(const struct model *m, struct model_vcpu *sender,
			       const struct message *msg)
{
	if (is_fixed(msg->delivery) && msg->vector < VECTOR_FIRST_LEGAL)
		lapic_log_send_error(m, sender);
}

void icr_send(struct model *m, struct model_vcpu *sender, uint32_t dest,
	      uint32_t low)
{
	struct message msg = {
		.dest = dest,
		.logical = low & ICR_LOGICAL,
		.shorthand = low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK,
		.delivery = low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK,
		.vector = low & ICR_VECTOR_MASK,
		.sender = sender,
		/* A guest's MMIO: nobody else sends in xAPIC mode. */
		.by_cpu = vcpu_mode(sender) == APIC_MODE_XAPIC,
	};
	struct delivered delivered;

	/*
	 * SDM "Interrupt Command Register (ICR)": INIT level de-assert is no
	 * INIT. Pentium 4 and later do not know it, older ones synchronize
	 * arbitration IDs.
	 */
	if (msg.delivery == DELIVERY_INIT && low & ICR_LEVEL &&
	    !(low & ICR_ASSERT))
		return;
	msg.one_of = msg.delivery == DELIVERY_LOWEST;
	/* KVM: kvm_apic_send_ipi sends what it is told. */
	msg.undefined = !combination_is_valid(msg.shorthand, msg.delivery) &&
			!(in_force(m, ERRATUM_any_mode_to_self) &&
			  decides(m, ERRATUM_any_mode_to_self));
	if (is_fixed(msg.delivery) && fixed_ipi_is_dropped(m, low))
		return;
	if (is_fixed(msg.delivery))
		msg.level = fixed_ipi_is_level(m, low);
	log_illegal_vector(m, sender, &msg);
	message_deliver(m, &msg, &delivered);
}

/*
 * SDM "Reserved Bit Checking": reserved bits are #GP. Bit 12: the SDM's
 * x2APIC ICR ignores it, the APM's must have it zero; both may be seen.
 */
static bool icr_is_legal(struct model *m, uint32_t low)
{
	if (low & ICR_RESERVED && !(in_force(m, ERRATUM_icr_reserved_ignored) &&
				    decides(m, ERRATUM_icr_reserved_ignored)))
		return false;
	return !(low & ICR_BUSY) || model_choose(m, 2) == 0;
}

void model_icr_write(struct model *m, const struct op_icr_write *op,
		     struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	uint32_t low = op->low & ~ICR_BUSY;

	if (op->by == AGENT_GUEST && vcpu_mode(vcpu) != APIC_MODE_X2APIC) {
		mmio_write_icr(m, op, out);
		return;
	}
	if (vcpu_mode(vcpu) != APIC_MODE_X2APIC || !icr_is_legal(m, op->low)) {
		promise_refused(out, 0);
		return;
	}
	promise_accepted(out);
	vcpu->state.apic[APIC_REG_icr] = low;
	vcpu->state.apic[APIC_REG_icr_high] = op->dest;
	vcpu->care.apic[APIC_REG_icr_high] = UINT32_MAX;
	icr_send(m, vcpu, op->dest, low);
}

/* SDM "SELF IPI Register": a fixed, edge-triggered interrupt to itself. */
void model_self_ipi(struct model *m, const struct op_self_ipi *op,
		    struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	struct message msg = {
		.shorthand = SHORTHAND_SELF,
		.delivery = DELIVERY_FIXED,
		.vector = op->vector,
		.sender = vcpu,
		.by_cpu = op->by == AGENT_GUEST,
	};
	struct delivered delivered;

	if (vcpu_mode(vcpu) != APIC_MODE_X2APIC) {
		promise_refused(out, 0);
		return;
	}
	promise_accepted(out);
	log_illegal_vector(m, vcpu, &msg);
	message_deliver(m, &msg, &delivered);
}
