/*
 * The IOAPIC that a full irqchip has, by the manual of Intel's 82093AA; titles
 * of its sections are given as SDM's are.
 */
#include <errno.h>
#include <string.h>

#include "ref/guest.h"
#include "ref/message.h"
#include "scenario/guest_memory.h"

#define VERSION 0x00170011u
#define VERSION_DEFINED 0x00ff00ffu
#define ENTRY_RESERVED 0x00fffffffffe0000ull
/* Read-only, and not the host's to know. */
#define ENTRY_READ_ONLY (REDIRECTION_STATUS | REDIRECTION_REMOTE_IRR)

static bool is_fixed(uint64_t entry)
{
	uint32_t delivery = entry >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;

	return delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST;
}

/*
 * 82093AA "I/O Redirection Table Registers": NMI and INIT are edges, whatever
 * the trigger mode says; SMI and ExtINT have to be.
 */
static bool is_level(const struct model *m, uint64_t entry)
{
	if (!(entry & REDIRECTION_LEVEL))
		return false;
	return is_fixed(entry) || (in_force(m, ERRATUM_ioapic_level_nmi) &&
				   decides(m, ERRATUM_ioapic_level_nmi));
}

static void decode(const struct model *m, uint64_t entry, struct message *out)
{
	*out = (struct message){
		.dest = (uint32_t)(entry >> REDIRECTION_DEST_SHIFT),
		.logical = entry & ICR_LOGICAL,
		.delivery = entry >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK,
		.vector = entry & ICR_VECTOR_MASK,
		.level = entry & REDIRECTION_LEVEL,
	};
	out->one_of = out->delivery == DELIVERY_LOWEST;
	/* 82093AA: SIPI's mode is reserved. KVM: ioapic_service sends it. */
	out->undefined = out->delivery == DELIVERY_SIPI &&
			 !(in_force(m, ERRATUM_any_msi_sent) &&
			   decides(m, ERRATUM_any_msi_sent));
}

/*
 * 82093AA "I/O Redirection Table Registers": remote IRR is set when local APICs
 * accept it. Where none does, and there is no bus on which the IOAPIC would see
 * that, either may be.
 */
static void send(struct model *m, uint32_t pin, struct promise *out,
		 struct delivered *out_delivered)
{
	uint64_t *entry = &m->chipset.ioapic.entries[pin];
	bool level = is_level(m, *entry);
	struct message msg;
	bool accepted;

	decode(m, *entry, &msg);
	device_send(m, &msg, out, out_delivered);
	accepted = out->care.accepted && out->want.accepted;
	promise_status(out_delivered, out);
	if (!level)
		m->chipset.ioapic.sent |= 1u << pin;
	else if (accepted || model_choose(m, 2) == 0)
		*entry |= REDIRECTION_REMOTE_IRR;
}

/*
 * KVM: ioapic_set_irq and rtc_status, which counts those that took an interrupt
 * of GSI 8 and gave no EOI; by APIC pages and entries that are restored it
 * counts anew.
 */
static bool rtc_is_busy(struct model *m)
{
	enum rtc rtc = m->chipset.ioapic.rtc;

	if (rtc == RTC_FREE || !in_force(m, ERRATUM_rtc_waits_for_eoi))
		return false;
	decides(m, ERRATUM_rtc_waits_for_eoi);
	return rtc == RTC_WAITS || model_choose(m, 2) == 0;
}

static void rtc_note_sent(struct model *m, const struct delivered *delivered)
{
	if (delivered->perhaps)
		m->chipset.ioapic.rtc = RTC_UNSURE;
	else if (delivered->nr)
		m->chipset.ioapic.rtc = RTC_WAITS;
}

void ioapic_note_change(struct model *m, const struct model_vcpu *vcpu)
{
	struct ioapic *ioapic = &m->chipset.ioapic;
	uint8_t vector = (uint8_t)ioapic->entries[RTC_PIN];
	uint32_t word = vector / 32, bit = 1u << vector % 32;
	uint32_t waits = vcpu->state.apic[APIC_REG_irr0 + word] |
			 ~vcpu->care.apic[APIC_REG_irr0 + word] |
			 vcpu->state.apic[APIC_REG_isr0 + word];

	if (ioapic->rtc != RTC_FREE || waits & bit || vcpu->undefined)
		ioapic->rtc = RTC_UNSURE;
}

/* A level that is not being dealt with. */
static bool level_waits(const struct model *m, uint32_t pin)
{
	const struct ioapic *ioapic = &m->chipset.ioapic;
	uint64_t entry = ioapic->entries[pin];

	return ioapic->asserted >> pin & 1 && is_level(m, entry) &&
	       !(entry & (REDIRECTION_MASKED | REDIRECTION_REMOTE_IRR));
}

static void send_unasked(struct model *m, uint32_t pin)
{
	struct delivered delivered;
	struct promise status;

	memset(&status.care, 0xff, sizeof(status.care));
	send(m, pin, &status, &delivered);
}

/*
 * 82093AA "I/O Redirection Table Registers": an edge is sent once, or lost if it
 * is masked; a level is sent unless it is being dealt with.
 */
void ioapic_set_line(struct model *m, uint32_t pin, bool level,
		     struct promise *out)
{
	struct ioapic *ioapic = &m->chipset.ioapic;
	uint64_t entry = ioapic->entries[pin];
	uint32_t bit = 1u << pin;
	bool rises = level && !(ioapic->asserted & bit);
	struct delivered delivered = { 0 };

	promise_refused(out, 0);
	if (pin == RTC_PIN && level && rtc_is_busy(m))
		return;
	/* KVM: also if it was asserted already. */
	if (level && !is_level(m, entry))
		ioapic->sent &= ~bit;
	if (level)
		ioapic->asserted |= bit;
	else
		ioapic->asserted &= ~bit;
	if (level_waits(m, pin) ||
	    (rises && !is_level(m, entry) && !(entry & REDIRECTION_MASKED)))
		send(m, pin, out, &delivered);
	else
		out->care.value = 0;
	if (pin == RTC_PIN && level)
		rtc_note_sent(m, &delivered);
}

/*
 * KVM: each vCPU knows by ioapic_handled_vectors whose EOIs matter. It is told
 * as it runs, of the entries that it is a destination of, and of those whose
 * vector is then requested or in service.
 */
static bool eoi_comes_through(struct model *m, const struct model_vcpu *vcpu,
			      uint64_t entry, enum agent by)
{
	struct message msg;

	if (!in_force(m, ERRATUM_eoi_misses_ioapic))
		return true;
	decode(m, entry, &msg);
	if (by == AGENT_GUEST &&
	    apic_is_addressed(m, &msg, vcpu) == RECEPTION_YES)
		return true;
	decides(m, ERRATUM_eoi_misses_ioapic);
	return model_choose(m, 2) == 1;
}

/*
 * 82093AA "I/O Redirection Table Registers": an EOI with the entry's vector
 * clears remote IRR, and what is still asserted is sent again; so is what was
 * not accepted before, where remote IRR is clear.
 */
void ioapic_end_of_interrupt(struct model *m, struct model_vcpu *vcpu,
			     uint8_t vector, enum agent by)
{
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *entry = &m->chipset.ioapic.entries[pin];

		if ((uint8_t)*entry != vector || !is_level(m, *entry))
			continue;
		if (!(*entry & REDIRECTION_REMOTE_IRR) && !level_waits(m, pin))
			continue;
		if (!eoi_comes_through(m, vcpu, *entry, by))
			continue;
		*entry &= ~(uint64_t)REDIRECTION_REMOTE_IRR;
		if (level_waits(m, pin))
			send_unasked(m, pin);
	}
}

static bool is_entry(uint8_t reg)
{
	return reg >= IOAPIC_REG_ENTRY;
}

/* @half of an entry, 0 or 1, gets @value. */
static uint64_t with_half(uint64_t entry, uint32_t half, uint32_t value)
{
	return (entry & ~(0xffffffffull << 32 * half)) | (uint64_t)value
								 << 32 * half;
}

/*
 * 82093AA "I/O Redirection Table Registers": delivery status and remote IRR are
 * read-only. Of an edge remote IRR is not defined; it is cleared, as who wants
 * to be rid of one expects (Linux, for IOAPICs without an EOI register).
 */
static void write_entry_by_guest(struct model *m, uint8_t reg, uint32_t value)
{
	uint32_t pin = (reg - IOAPIC_REG_ENTRY) / 2;
	uint64_t *entry = &m->chipset.ioapic.entries[pin];
	uint64_t kept = *entry & ENTRY_READ_ONLY;

	*entry = with_half(*entry, reg & 1, value);
	*entry = (*entry & ~(uint64_t)ENTRY_READ_ONLY) | kept;
	if (!(*entry & REDIRECTION_LEVEL))
		*entry &= ~(uint64_t)REDIRECTION_REMOTE_IRR;
	if (level_waits(m, pin))
		send_unasked(m, pin);
}

/*
 * KVM: kvm_get_ioapic leaves out what irr_delivered has; kvm_set_ioapic asserts
 * what it is given as if it had not been.
 */
void ioapic_restore(struct model *m)
{
	struct ioapic *ioapic = &m->chipset.ioapic;
	uint32_t pending = ioapic->asserted & ~ioapic->sent;

	if (in_force(m, ERRATUM_ioapic_restore_forgets_lines)) {
		if (ioapic->asserted != pending)
			decides(m, ERRATUM_ioapic_restore_forgets_lines);
		ioapic->asserted = pending;
		ioapic->sent = 0;
	}
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t entry = ioapic->entries[pin];
		bool edge = pending >> pin & 1 && !is_level(m, entry) &&
			    !(entry & REDIRECTION_MASKED);

		if (level_waits(m, pin) ||
		    (edge && in_force(m, ERRATUM_ioapic_masked_edge_restored) &&
		     decides(m, ERRATUM_ioapic_masked_edge_restored)))
			send_unasked(m, pin);
	}
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].exists)
			ioapic_note_change(m, &m->vcpus[i]);
}

/*
 * KVM's API, KVM_SET_IRQCHIP: the state is what is given, read-only bits too.
 * Levels that wait are looked at again.
 */
static void write_by_host(struct model *m, const struct op_ioapic_write *op,
			  struct promise *out)
{
	struct ioapic *ioapic = &m->chipset.ioapic;

	promise_accepted(out);
	if (is_entry(op->reg)) {
		uint64_t *entry =
			&ioapic->entries[(op->reg - IOAPIC_REG_ENTRY) / 2];

		*entry = with_half(*entry, op->reg & 1, op->value);
	} else if (op->reg == IOAPIC_REG_ID) {
		ioapic->id = op->value >> IOAPIC_ID_SHIFT & IOAPIC_ID_MASK;
	} else {
		promise_refused(out, 0);
		return;
	}
	ioapic_restore(m);
}

/* See scenario/guest_memory.h. */
static bool guest_reaches_ioapic(const struct model_vcpu *vcpu)
{
	return (vcpu->state.apicbase & ~0xfffull) != IOAPIC_ADDRESS;
}

static void write_by_guest(struct model *m, const struct op_ioapic_write *op,
			   struct promise *out)
{
	promise_accepted(out);
	if (m->scenario->config.irqchip != IRQCHIP_FULL)
		return;
	if (is_entry(op->reg))
		write_entry_by_guest(m, op->reg, op->value);
	else if (op->reg == IOAPIC_REG_ID)
		m->chipset.ioapic.id = op->value >> IOAPIC_ID_SHIFT &
				       IOAPIC_ID_MASK;
}

/* KVM's API, KVM_GET_IRQCHIP: there is one if KVM_CREATE_IRQCHIP made it. */
static bool ioapic_is_there(const struct model *m,
			    const struct model_vcpu *vcpu, enum agent by,
			    struct promise *out)
{
	if (by == AGENT_GUEST && !guest_reaches_ioapic(vcpu)) {
		promise_refused(out, 0);
		out->want.outcome = OUTCOME_IMPOSSIBLE;
		return false;
	}
	if (by == AGENT_HOST && m->scenario->config.irqchip != IRQCHIP_FULL) {
		promise_refused(out, ENXIO);
		return false;
	}
	return true;
}

void model_ioapic_write(struct model *m, const struct op_ioapic_write *op,
			struct promise *out)
{
	if (!ioapic_is_there(m, &m->vcpus[op->vcpu], op->by, out))
		return;
	if (op->by == AGENT_GUEST)
		write_by_guest(m, op, out);
	else
		write_by_host(m, op, out);
}

/*
 * 82093AA "I/O Redirection Table Registers": of an edge remote IRR is not
 * defined, nor is what reserved bits read as that were written as ones.
 */
static void read_entry(uint64_t entry, uint32_t half, struct promise *out)
{
	uint64_t open = entry & (ENTRY_RESERVED | REDIRECTION_STATUS);

	if (!(entry & REDIRECTION_LEVEL) || !is_fixed(entry))
		open |= REDIRECTION_REMOTE_IRR;
	out->want.value = (uint32_t)(entry >> 32 * half);
	out->care.value = ~(uint64_t)(uint32_t)(open >> 32 * half);
}

/*
 * 82093AA "IOAPIC Identification Register", "IOAPIC Version Register". The
 * arbitration ID changes with each message on a bus that is not there any more.
 */
static void read_register(const struct model *m, uint8_t reg,
			  struct promise *out)
{
	const struct ioapic *ioapic = &m->chipset.ioapic;
	uint64_t high = UINT64_MAX << 32;

	promise_accepted(out);
	if (is_entry(reg)) {
		read_entry(ioapic->entries[(reg - IOAPIC_REG_ENTRY) / 2],
			   reg & 1, out);
	} else if (reg == IOAPIC_REG_ID) {
		out->want.value = (uint32_t)ioapic->id << IOAPIC_ID_SHIFT;
		out->care.value = high | IOAPIC_ID_MASK << IOAPIC_ID_SHIFT;
	} else if (reg == IOAPIC_REG_VERSION) {
		out->want.value = VERSION;
		out->care.value = high | VERSION_DEFINED;
	} else {
		out->care.value = high;
	}
}

void model_ioapic_read(struct model *m, const struct op_ioapic_read *op,
		       struct promise *out)
{
	bool has_state = is_entry(op->reg) || op->reg == IOAPIC_REG_ID;

	if (!ioapic_is_there(m, &m->vcpus[op->vcpu], op->by, out))
		return;
	if (op->by == AGENT_HOST && !has_state) {
		promise_refused(out, 0);
	} else if (m->scenario->config.irqchip == IRQCHIP_FULL) {
		read_register(m, op->reg, out);
	} else {
		/* Nobody answers: all bits are set. */
		promise_accepted(out);
		out->want.value = UINT32_MAX;
	}
}
