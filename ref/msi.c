/* Messages from devices, and the VM-wide flags that shape them. */
#include <errno.h>

#include "ref/message.h"

/* KVM's API, KVM_CAP_X2APIC_API: flags add up. */
void model_x2apic_api_enable(struct model *m,
			     const struct op_x2apic_api_enable *op,
			     struct promise *out)
{
	m->x2apic_api |= op->flags;
	promise_accepted(out);
}

/*
 * KVM's API, KVM_CAP_X2APIC_API: bits 31:8 of address_hi are bits 31:8 of the
 * destination with USE_32BIT_IDS, and are not looked at without.
 */
static uint32_t msi_dest(const struct model *m, uint64_t address)
{
	uint32_t low = address >> MSI_DEST_SHIFT & MSI_DEST_MASK;
	uint32_t high = (uint32_t)(address >> 32) & ~0xffu;

	return ids_are_32bit(m) ? high | low : low;
}

/*
 * SDM "Message Address Register Format" and "Message Data Register Format".
 * Address bits 31:20 are not looked at: KVM_SIGNAL_MSI is a message signalled
 * interrupt by its name, wherever a device would have to write for one.
 */
static void msi_decode(const struct model *m, const struct op_msi *op,
		       struct message *out)
{
	bool hint = op->address & MSI_REDIRECTION_HINT;
	bool level = op->data & MSI_LEVEL;
	bool fixed;

	*out = (struct message){
		.dest = msi_dest(m, op->address),
		.logical = op->address & MSI_LOGICAL,
		.delivery = op->data >> MSI_DELIVERY_SHIFT & ICR_DELIVERY_MASK,
		.vector = op->data & MSI_VECTOR_MASK,
		.level = level,
	};
	fixed = out->delivery == DELIVERY_FIXED ||
		out->delivery == DELIVERY_LOWEST;
	out->hint = hint;
	out->one_of = out->delivery == DELIVERY_LOWEST || hint;
	/*
	 * Not defined: a SIPI from a device, and a level de-assert; but NMI,
	 * INIT and SMI are edges, whatever the trigger mode says.
	 */
	out->undefined = out->delivery == DELIVERY_SIPI ||
			 (fixed && level && !(op->data & MSI_ASSERT));
	/* KVM: kvm_set_msi_irq does not look at the level. */
	if (out->undefined && in_force(m, ERRATUM_any_msi_sent) &&
	    decides(m, ERRATUM_any_msi_sent))
		out->undefined = false;
}

/*
 * KVM's API, KVM_SIGNAL_MSI: >0 delivered, 0 blocked by the guest, <0 an
 * error. What of the last two is answered where nobody listens is not said;
 * nor is it for an illegal vector or a delivery mode without an effect.
 */
static void promise_delivered(const struct model *m, const struct message *msg,
			      const struct delivered *delivered,
			      struct promise *out)
{
	bool fixed = msg->delivery == DELIVERY_FIXED ||
		     msg->delivery == DELIVERY_LOWEST;
	bool illegal = fixed && msg->vector < VECTOR_FIRST_LEGAL &&
		       !(in_force(m, ERRATUM_illegal_vector_accepted) &&
			 decides(m, ERRATUM_illegal_vector_accepted));
	bool no_effect = msg->delivery == DELIVERY_RESERVED ||
			 msg->delivery == DELIVERY_EXTINT;

	if (delivered->somebody) {
		promise_accepted(out);
	} else {
		promise_refused(out, 0);
		out->care.error = 0;
	}
	if (illegal || no_effect ||
	    (delivered->perhaps && !delivered->somebody)) {
		out->care.accepted = 0;
		out->care.error = 0;
	}
}

/* KVM's API, KVM_CAP_X2APIC_API: bits 7:0 of address_hi must be zero. */
bool msi_is_valid(const struct model *m, const struct op_msi *op)
{
	return !ids_are_32bit(m) || !(op->address >> 32 & 0xff);
}

void device_send(struct model *m, const struct message *msg,
		 struct promise *out, struct delivered *out_delivered)
{
	message_deliver(m, msg, out_delivered);
	promise_delivered(m, msg, out_delivered, out);
}

void msi_send(struct model *m, const struct op_msi *op, struct promise *out,
	      struct delivered *out_delivered)
{
	struct message msg;

	msi_decode(m, op, &msg);
	device_send(m, &msg, out, out_delivered);
}

void model_msi(struct model *m, const struct op_msi *op, struct promise *out)
{
	struct delivered delivered;

	if (msi_is_valid(m, op))
		msi_send(m, op, out, &delivered);
	else
		promise_refused(out, EINVAL);
}
