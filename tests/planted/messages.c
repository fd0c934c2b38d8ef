/* Messages: from devices by KVM_SIGNAL_MSI, from local APICs by ICR. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "scenario/x86.h"
#include "tests/planted/planted.h"

#define MSR_X2APIC_ICR (MSR_X2APIC_BASE + APIC_REG_icr)
#define IDS_ARE_32BIT KVM_X2APIC_API_USE_32BIT_IDS

static void decode_msi(struct message *out, const struct call *call)
{
	const struct kvm_msi *msi = call->argument;

	out->dest = msi->address_lo >> MSI_DEST_SHIFT & MSI_DEST_MASK;
	if (call->vm->api_flags & IDS_ARE_32BIT)
		out->dest |= msi->address_hi & ~MSI_DEST_MASK;
	out->logical = msi->address_lo & MSI_LOGICAL;
	out->hint = msi->address_lo & MSI_REDIRECTION_HINT;
	out->level = msi->data & MSI_LEVEL;
	out->asserted = msi->data & MSI_ASSERT;
	out->delivery = msi->data >> MSI_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	out->vector = msi->data & MSI_VECTOR_MASK;
}

static void decode_icr(struct message *out, uint64_t icr)
{
	uint32_t low = (uint32_t)icr;

	out->is_ipi = true;
	out->dest = (uint32_t)(icr >> 32);
	out->logical = low & ICR_LOGICAL;
	out->level = low & ICR_LEVEL;
	out->asserted = low & ICR_ASSERT;
	out->shorthand = low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK;
	out->delivery = low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	out->vector = low & ICR_VECTOR_MASK;
}

bool message_decode(struct message *out, const struct call *call)
{
	memset(out, 0, sizeof(*out));
	if (call->request == KVM_SIGNAL_MSI) {
		decode_msi(out, call);
		return true;
	}
	if (call->request != KVM_SET_MSRS ||
	    call_msr(call)->index != MSR_X2APIC_ICR)
		return false;
	decode_icr(out, call_msr(call)->data);
	return true;
}

/* @bits of *word become @value. */
static void put(uint32_t *word, uint32_t bits, uint32_t value)
{
	*word = (*word & ~bits) | (value & bits);
}

static int send_msi(const struct call *call, const struct message *m)
{
	struct kvm_msi msi = *(const struct kvm_msi *)call->argument;
	struct call changed = *call;

	changed.argument = &msi;
	put(&msi.address_lo, MSI_DEST_MASK << MSI_DEST_SHIFT,
	    m->dest << MSI_DEST_SHIFT);
	put(&msi.address_lo, MSI_LOGICAL, m->logical ? ~0u : 0);
	put(&msi.address_lo, MSI_REDIRECTION_HINT, m->hint ? ~0u : 0);
	if (call->vm->api_flags & IDS_ARE_32BIT)
		put(&msi.address_hi, ~MSI_DEST_MASK, m->dest);
	put(&msi.data, MSI_VECTOR_MASK, m->vector);
	put(&msi.data, ICR_DELIVERY_MASK << MSI_DELIVERY_SHIFT,
	    m->delivery << MSI_DELIVERY_SHIFT);
	put(&msi.data, MSI_LEVEL, m->level ? ~0u : 0);
	put(&msi.data, MSI_ASSERT, m->asserted ? ~0u : 0);
	return call_pass(&changed);
}

/* What was written to ICR is what it reads, whatever was sent. */
static void restore_icr(const struct cpu *cpu, uint64_t icr)
{
	struct kvm_lapic_state page;

	if (!cpu_read_page(cpu, &page))
		return;
	page_set(&page, APIC_REG_icr, (uint32_t)icr & ~ICR_BUSY);
	page_set(&page, APIC_REG_icr_high, (uint32_t)(icr >> 32));
	cpu_write_page(cpu, &page);
}

static int send_ipi(const struct call *call, const struct message *m)
{
	struct kvm_msr_entry *msr = call_msr(call);
	uint64_t written = msr->data;
	uint32_t low = (uint32_t)written;
	int result;

	put(&low, ICR_LOGICAL, m->logical ? ~0u : 0);
	put(&low, ICR_LEVEL, m->level ? ~0u : 0);
	put(&low, ICR_ASSERT, m->asserted ? ~0u : 0);
	put(&low, ICR_SHORTHAND_MASK << ICR_SHORTHAND_SHIFT,
	    m->shorthand << ICR_SHORTHAND_SHIFT);
	put(&low, ICR_DELIVERY_MASK << ICR_DELIVERY_SHIFT,
	    m->delivery << ICR_DELIVERY_SHIFT);
	put(&low, ICR_VECTOR_MASK, m->vector);
	msr->data = (uint64_t)m->dest << 32 | low;
	result = call_pass(call);
	if (result == 1 && msr->data != written)
		restore_icr(call->cpu, written);
	msr->data = written;
	return result;
}

int message_send(const struct call *call, const struct message *m)
{
	return m->is_ipi ? send_ipi(call, m) : send_msi(call, m);
}

static bool is_physical(const struct message *m)
{
	return !m->logical && m->shorthand == SHORTHAND_NONE;
}

static bool is_wide_id(const struct message *m)
{
	return is_physical(m) && m->dest > XAPIC_BROADCAST &&
	       m->dest != X2APIC_BROADCAST;
}

static bool is_logical(const struct message *m)
{
	return m->logical && m->shorthand == SHORTHAND_NONE &&
	       m->dest != XAPIC_BROADCAST && m->dest != X2APIC_BROADCAST;
}

int planted_msi_id_bit_lost(struct call *call, struct message *m)
{
	if (!m->is_ipi && is_wide_id(m))
		m->dest &= ~0x100u;
	return message_send(call, m);
}

int planted_ipi_id_truncated(struct call *call, struct message *m)
{
	if (m->is_ipi && is_wide_id(m))
		m->dest &= 0xff;
	return message_send(call, m);
}

int planted_ipi_id_boundary(struct call *call, struct message *m)
{
	if (m->is_ipi && is_physical(m) && m->dest && m->dest % 16 == 0)
		m->dest--;
	return message_send(call, m);
}

int planted_msi_reaches_alias(struct call *call, struct message *m)
{
	struct message also = *m;
	int result = message_send(call, m);

	also.dest += 0x100;
	if (!m->is_ipi && is_physical(m) && m->dest < XAPIC_BROADCAST)
		message_send(call, &also);
	return result;
}

int planted_logical_bit_ignored(struct call *call, struct message *m)
{
	if (!m->is_ipi && is_logical(m))
		m->dest &= ~0x80u;
	return message_send(call, m);
}

int planted_cluster_off_by_one(struct call *call, struct message *m)
{
	if (m->is_ipi && is_logical(m) && m->dest >> 16)
		m->dest += 0x10000;
	return message_send(call, m);
}

int planted_cluster_bit_ignored(struct call *call, struct message *m)
{
	struct message other = *m;

	other.dest ^= 0x100000;
	if (m->is_ipi && is_logical(m))
		message_send(call, &other);
	return message_send(call, m);
}

/* The vCPU gives back what it got. */
int planted_broadcast_misses_last(struct call *call, struct message *m)
{
	const struct cpu *last = &call->vm->cpus[call->vm->nr_cpus - 1];
	struct kvm_lapic_state before, after;
	bool taken_back =
		!m->is_ipi && is_physical(m) && m->delivery == DELIVERY_FIXED &&
		(m->dest == XAPIC_BROADCAST || m->dest == X2APIC_BROADCAST) &&
		call->vm->nr_cpus > 1 && cpu_read_page(last, &before);
	int result = message_send(call, m);

	if (taken_back && cpu_read_page(last, &after) &&
	    memcmp(&before, &after, sizeof(before)))
		cpu_write_page(last, &before);
	return result;
}

int planted_all_forgets_self(struct call *call, struct message *m)
{
	if (m->shorthand == SHORTHAND_ALL)
		m->shorthand = SHORTHAND_ALL_BUT_SELF;
	return message_send(call, m);
}

int planted_lowest_to_all(struct call *call, struct message *m)
{
	if (m->delivery == DELIVERY_LOWEST)
		m->delivery = DELIVERY_FIXED;
	return message_send(call, m);
}

int planted_hint_ignored(struct call *call, struct message *m)
{
	m->hint = false;
	return message_send(call, m);
}

int planted_vector_at_word_end(struct call *call, struct message *m)
{
	bool fixed = m->delivery == DELIVERY_FIXED ||
		     m->delivery == DELIVERY_LOWEST;

	if (fixed && m->vector % 32 == 31 && m->vector != 255)
		m->vector++;
	return message_send(call, m);
}

int planted_level_msi_is_edge(struct call *call, struct message *m)
{
	if (!m->is_ipi)
		m->level = false;
	return message_send(call, m);
}

int planted_nmi_msi_doubled(struct call *call, struct message *m)
{
	if (!m->is_ipi && m->delivery == DELIVERY_NMI)
		message_send(call, m);
	return message_send(call, m);
}

int planted_second_nmi_cancels(struct call *call, struct message *m)
{
	int result = message_send(call, m);

	if (m->delivery != DELIVERY_NMI)
		return result;
	for (uint32_t i = 0; i < call->vm->nr_cpus; i++) {
		int fd = call->vm->cpus[i].fd;
		struct kvm_vcpu_events events;

		if (quiet_ioctl(fd, KVM_GET_VCPU_EVENTS, &events) < 0 ||
		    events.nmi.pending < 2)
			continue;
		events.nmi.pending = 0;
		events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
		quiet_ioctl(fd, KVM_SET_VCPU_EVENTS, &events);
	}
	return result;
}

/* Delivered as ExtINT, an IPI is nothing. */
int planted_logical_nmi_lost(struct call *call, struct message *m)
{
	if (m->is_ipi && is_logical(m) && m->delivery == DELIVERY_NMI)
		m->delivery = DELIVERY_EXTINT;
	return message_send(call, m);
}

int planted_sipi_vector_up(struct call *call, struct message *m)
{
	if (m->delivery == DELIVERY_SIPI)
		m->vector = (m->vector + 1) & MSI_VECTOR_MASK;
	return message_send(call, m);
}

int planted_init_deassert_taken(struct call *call, struct message *m)
{
	if (m->is_ipi && m->delivery == DELIVERY_INIT && m->level)
		m->asserted = true;
	return message_send(call, m);
}

int planted_msi_count_zero(struct call *call)
{
	int result = call_pass(call);
	struct message m;

	message_decode(&m, call);
	return m.delivery == DELIVERY_NMI && result > 0 ? 0 : result;
}

int planted_msi_count_one(struct call *call)
{
	int result = call_pass(call);

	return result == 0 || (result < 0 && errno == EPERM) ? 1 : result;
}

int planted_msi_reserved_accepted(struct call *call)
{
	struct kvm_msi *msi = call->argument;

	msi->address_hi &= ~MSI_DEST_MASK;
	return call_pass(call);
}

int planted_msi_wide_refused(struct call *call)
{
	struct message m;

	message_decode(&m, call);
	if (is_wide_id(&m) && m.dest >= 2048)
		return call_refuse(EINVAL);
	return call_pass(call);
}
