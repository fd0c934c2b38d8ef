/*
 * Private to ref/: ops that a guest does, and what they share with those that
 * the host does.
 */
#ifndef REF_GUEST_H
#define REF_GUEST_H

#include "ref/exec.h"

/* ref/lapic.c */

/* The bits that a write may set; *out_writable: are there any? */
uint32_t lapic_writable_bits(const struct model *m,
			     const struct model_vcpu *vcpu, int slot,
			     bool *out_writable);
void lapic_write_register(struct model *m, struct model_vcpu *vcpu, int slot,
			  uint32_t value);
/* KVM_SET_LAPIC of a new vCPU is given what KVM_GET_LAPIC shows. */
void lapic_restore(struct model *m, struct model_vcpu *vcpu);
void lapic_end_of_interrupt(struct model *m, struct model_vcpu *vcpu,
			    enum agent by);
/* Tell the IOAPICs of the end of an interrupt, as they have to be. */
void lapic_tell_ioapics(struct model *m, struct model_vcpu *vcpu,
			uint8_t vector, enum agent by);
void lapic_write_esr(const struct model *m, struct model_vcpu *vcpu);

/* ref/ioapic.c: @vcpu told of the end of a level-triggered interrupt. */
void ioapic_end_of_interrupt(struct model *m, struct model_vcpu *vcpu,
			     uint8_t vector, enum agent by);

/* ref/gsi.c: does KVM_SET_GSI_ROUTING of a new VM take the routes? */
bool chipset_is_restored(const struct model *m);

/* KVM_GET_IRQCHIP and KVM_SET_IRQCHIP, with what that makes of its lines. */
void ioapic_restore(struct model *m);

/* Its IRR or ISR changed in a way that KVM looks at, for GSI 8. */
void ioapic_note_change(struct model *m, const struct model_vcpu *vcpu);

/* ref/lapic_read.c: is there no register at all? */
bool lapic_slot_is_reserved(int slot);
/* What was read, of which the bits of @care are promised. */
void promise_value(struct promise *out, uint64_t value, uint64_t care);

/* ref/interrupt.c */

/* KVM is asked to look for interrupts; if @sure. */
void interrupts_ask(struct model_vcpu *vcpu, bool sure);
/* It does so, if it was asked to, as it enters the guest. */
void interrupts_look(struct model_vcpu *vcpu);
/* TPR or ISR may have been what held an interrupt back; PPR was @ppr. */
void interrupts_ask_if_lower(struct model_vcpu *vcpu, uint32_t ppr);
/* @vcpu goes on after its HLT, if anything that waits ends it. */
void interrupts_wake_up(struct model *m, struct model_vcpu *vcpu);
/* It takes an interrupt if there is one, and disables them. */
void interrupts_after_halt(struct model *m, struct model_vcpu *vcpu);
/* May the PIC have something, and does that get to @vcpu? */
bool interrupts_pic_may_reach(const struct model *m,
			      const struct model_vcpu *vcpu);
/* PPR as it would be computed now. */
uint32_t interrupts_ppr(const struct model_vcpu *vcpu);

/* ref/model.c: what is observed of @vcpu, but mp_state. */
void model_report_vcpu(struct model *m, struct model_vcpu *vcpu,
		       struct vcpu_state *want, struct vcpu_state *care);

/* ref/ipi.c: what a write of ICR sends. */
void icr_send(struct model *m, struct model_vcpu *sender, uint32_t dest,
	      uint32_t low);

/* ref/delivery.c: errors that an APIC notes of itself. */
void lapic_log_reserved_access(const struct model *m, struct model_vcpu *vcpu);

/* ref/mmio.c: the same ops through the APIC page, by a guest. */
void mmio_write(struct model *m, const struct op_lapic_write *op,
		struct promise *out);
void mmio_write_icr(struct model *m, const struct op_icr_write *op,
		    struct promise *out);

/* ref/guest.c: around an op that a guest does; false: it does not run. */
bool guest_begin(struct model *m, struct model_vcpu *vcpu, struct promise *out);
void guest_end(struct model *m, struct model_vcpu *vcpu, struct promise *out);
bool guest_reaches_page(const struct model *m, const struct model_vcpu *vcpu);
/* Is its APIC page, in a mode that has none, memory? */
bool guest_page_is_memory(const struct model *m, const struct model_vcpu *vcpu);

/* ref/cr.c */

/* The control registers after a reset, and after an INIT. */
void controls_reset(struct model_vcpu *vcpu);
void controls_init(const struct model *m, struct model_vcpu *vcpu);
/* What every KVM_SET_SREGS brings along that is accepted. */
void sregs_written(struct model *m, struct model_vcpu *vcpu, uint64_t cr8);
uint64_t cr8_of(const struct model_vcpu *vcpu);

/* Does the guest program run in long mode? */
bool guest_is_long(const struct model *m);
/* What the start of the guest program makes of the control registers. */
void guest_enter(struct model *m, struct model_vcpu *vcpu);

#endif
