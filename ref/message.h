/* Private to ref/: messages between local APICs, and where they go. */
#ifndef REF_MESSAGE_H
#define REF_MESSAGE_H

#include "ref/exec.h"

/* Does an APIC receive a message? */
enum reception {
	RECEPTION_NO,
	RECEPTION_YES,
	RECEPTION_UNDEFINED, /* the manuals do not say */
};

/* What each vCPU makes of one message: enum reception. */
struct receivers {
	bool somebody; /* one gets it for sure, though who is not certain */
	uint8_t reception[VCPUS_MAX];
};

/* ref/delivery.c */

/* A message on its way to local APICs. */
struct message {
	uint32_t dest;
	bool logical;
	enum shorthand shorthand;
	enum delivery delivery;
	uint8_t vector;
	bool level;	/* trigger mode */
	bool one_of;	/* to one of those that match, not to all */
	bool hint;	/* a device's redirection hint */
	bool undefined; /* the manuals do not say who gets it */
	bool by_cpu;	/* a CPU with APICv may send it, without KVM */
	/* The vCPU that sent it, or NULL: it came from a device. */
	struct model_vcpu *sender;
};

/* Who got a message. */
struct delivered {
	uint32_t nr;   /* that did for sure */
	bool somebody; /* did for sure, though who is not certain */
	bool perhaps;  /* others may have */
};

void message_deliver(struct model *m, const struct message *msg,
		     struct delivered *out);
/* Does @vcpu take a message that reached it? */
bool message_is_accepted(const struct model *m, const struct message *msg,
			 const struct model_vcpu *vcpu);
/* @vcpu notes that it sent an illegal vector. */
void lapic_log_send_error(const struct model *m, struct model_vcpu *vcpu);

/* ref/match.c */

/* Is 0xff a broadcast in x2APIC mode too, by KVM's quirk? */
bool message_is_quirk_broadcast(const struct model *m,
				const struct message *msg);
/* Is this APIC one that the message is meant for? */
enum reception apic_is_addressed(const struct model *m,
				 const struct message *msg,
				 const struct model_vcpu *vcpu);

/* ref/snapshot.c */

/*
 * Who is in KVM's table for the message. False: the table is no help, and each
 * APIC is to be asked.
 */
bool snapshot_look_up(const struct model *m, struct message *msg,
		      struct receivers *out);
/* The one vCPU that it has for the physical ID @dest, or VCPUS_MAX. */
uint32_t snapshot_owner(const struct model *m, uint32_t dest);
/* Can nobody say what the table has for the message? */
bool snapshot_is_unsure(const struct model *m, const struct message *msg);

/* ref/route.c */

/* Who gets the message. KVM may change its delivery mode on the way. */
void route_message(struct model *m, struct message *msg, struct receivers *out);

/* ref/msi.c */

/* May this be a device's message? With 32-bit IDs some bits must be 0. */
bool msi_is_valid(const struct model *m, const struct op_msi *op);
/* Send what a device sends; the promise is of whether it was accepted. */
void device_send(struct model *m, const struct message *msg,
		 struct promise *out, struct delivered *out_delivered);
void msi_send(struct model *m, const struct op_msi *op, struct promise *out,
	      struct delivered *out_delivered);

/* ref/gsi.c: of a message that a line sent, how many took it. */
void promise_status(const struct delivered *delivered, struct promise *out);

/* ref/ioapic.c */

/* The level of @pin becomes @level: what KVM_IRQ_LINE_STATUS says of it. */
void ioapic_set_line(struct model *m, uint32_t pin, bool level,
		     struct promise *out);

#endif
