/* IA32_APIC_BASE and the registers of local APICs. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "scenario/x86.h"
#include "tests/planted/planted.h"

enum { MSRS_REFUSED = 0, MSRS_ACCEPTED = 1 };

uint32_t page_get(const struct kvm_lapic_state *page, uint32_t slot)
{
	uint32_t value;

	memcpy(&value, page->regs + 16 * slot, sizeof(value));
	return value;
}

void page_set(struct kvm_lapic_state *page, uint32_t slot, uint32_t value)
{
	memcpy(page->regs + 16 * slot, &value, sizeof(value));
}

bool cpu_read_page(const struct cpu *cpu, struct kvm_lapic_state *out)
{
	return quiet_ioctl(cpu->fd, KVM_GET_LAPIC, out) >= 0;
}

bool cpu_write_page(const struct cpu *cpu, const struct kvm_lapic_state *page)
{
	return quiet_ioctl(cpu->fd, KVM_SET_LAPIC, page) >= 0;
}

uint64_t cpu_apicbase(const struct cpu *cpu)
{
	struct kvm_sregs sregs;

	if (quiet_ioctl(cpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return 0;
	return sregs.apic_base;
}

static enum apic_mode mode_of(const struct cpu *cpu)
{
	return apic_mode(cpu_apicbase(cpu));
}

/* Register @slot of @cpu becomes @value, as if KVM had done that. */
static void set_register(const struct cpu *cpu, uint32_t slot, uint32_t value)
{
	struct kvm_lapic_state page;

	if (!cpu_read_page(cpu, &page) || page_get(&page, slot) == value)
		return;
	page_set(&page, slot, value);
	cpu_write_page(cpu, &page);
}

static bool is_apicbase(const struct call *call)
{
	return call_msr(call)->index == MSR_IA32_APIC_BASE;
}

static bool is_x2apic_msr(const struct call *call, uint32_t slot)
{
	return call_msr(call)->index == MSR_X2APIC_BASE + slot;
}

int planted_apicbase_bit_9_accepted(struct call *call)
{
	if (is_apicbase(call))
		call_msr(call)->data &= ~0x200ull;
	return call_pass(call);
}

int planted_wide_x2apic_refused(struct call *call)
{
	if (is_apicbase(call) && call_msr(call)->data & APICBASE_EXTD &&
	    call->cpu->vcpu_id > 0xff)
		return MSRS_REFUSED;
	return call_pass(call);
}

int planted_apicbase_address_lost(struct call *call)
{
	struct kvm_msr_entry *msr = call_msr(call);

	/* Of a legal address; an illegal one is refused as ever. */
	if (is_apicbase(call) && !(msr->data >> 36))
		msr->data = APICBASE_ADDRESS_DEFAULT | (msr->data & 0xfff);
	return call_pass(call);
}

int planted_bsp_lost(struct call *call)
{
	if (is_apicbase(call) &&
	    apic_mode(call_msr(call)->data) == APIC_MODE_X2APIC)
		call_msr(call)->data &= ~APICBASE_BSP;
	return call_pass(call);
}

int planted_sregs_keeps_x2apic(struct call *call)
{
	struct kvm_sregs *sregs = call->argument;

	if (apic_mode(sregs->apic_base) == APIC_MODE_XAPIC &&
	    mode_of(call->cpu) == APIC_MODE_X2APIC)
		sregs->apic_base |= APICBASE_EXTD;
	return call_pass(call);
}

/* Does the call change the mode of the APIC so? Then it is done. */
static bool goes_from_to(const struct call *call, enum apic_mode from,
			 enum apic_mode to, int *out_result)
{
	bool from_there = is_apicbase(call) && mode_of(call->cpu) == from;

	*out_result = call_pass(call);
	return from_there && *out_result == MSRS_ACCEPTED &&
	       mode_of(call->cpu) == to;
}

int planted_ldr_lost(struct call *call)
{
	int result;

	if (goes_from_to(call, APIC_MODE_X2APIC, APIC_MODE_XAPIC, &result))
		set_register(call->cpu, APIC_REG_ldr, 0);
	return result;
}

int planted_tpr_lost(struct call *call)
{
	int result;

	if (goes_from_to(call, APIC_MODE_XAPIC, APIC_MODE_X2APIC, &result))
		set_register(call->cpu, APIC_REG_tpr, 0);
	return result;
}

int planted_id_stale(struct call *call)
{
	enum apic_mode from = mode_of(call->cpu);
	struct kvm_lapic_state before;
	enum apic_mode to;
	int result;

	if (!is_apicbase(call) || !cpu_read_page(call->cpu, &before))
		return call_pass(call);
	result = call_pass(call);
	to = mode_of(call->cpu);
	if (from == APIC_MODE_XAPIC && to == APIC_MODE_X2APIC)
		call->cpu->remembered_id = page_get(&before, APIC_REG_id);
	if (from == APIC_MODE_X2APIC && to == APIC_MODE_XAPIC)
		set_register(call->cpu, APIC_REG_id, call->cpu->remembered_id);
	return result;
}

/* Does the page bring a value for @slot that is not there yet? */
static bool changes(const struct call *call, uint32_t slot)
{
	struct kvm_lapic_state now;

	return cpu_read_page(call->cpu, &now) &&
	       page_get(&now, slot) != page_get(call->argument, slot);
}

/* An entry as after reset, masked and with no vector, stays as it is. */
int planted_lvt_mask_lost(struct call *call)
{
	for (uint32_t slot = APIC_REG_lvt_timer; slot <= APIC_REG_lvt_error;
	     slot++) {
		uint32_t value = page_get(call->argument, slot);

		if (value & 0xff && changes(call, slot))
			page_set(call->argument, slot, value & ~LVT_MASKED);
	}
	return call_pass(call);
}

int planted_tpr_low_bits_lost(struct call *call)
{
	uint32_t tpr = page_get(call->argument, APIC_REG_tpr);

	if (changes(call, APIC_REG_tpr))
		page_set(call->argument, APIC_REG_tpr, tpr & ~0xfu);
	return call_pass(call);
}

int planted_irr_bit_lost(struct call *call)
{
	for (uint32_t slot = APIC_REG_irr0; slot <= APIC_REG_irr7; slot++)
		page_set(call->argument, slot,
			 page_get(call->argument, slot) & ~(1u << 31));
	return call_pass(call);
}

int planted_lapic_of_another(struct call *call)
{
	uint32_t ldr = page_get(call->argument, APIC_REG_ldr);
	bool new = ldr &&changes(call, APIC_REG_ldr);
	int result = call_pass(call);

	if (new &&result == 0)
		set_register(&call->vm->cpus[0], APIC_REG_ldr, ldr);
	return result;
}

int planted_svr_enable_sticks(struct call *call)
{
	struct kvm_lapic_state page;

	if (is_x2apic_msr(call, APIC_REG_svr) &&
	    cpu_read_page(call->cpu, &page))
		call_msr(call)->data |= page_get(&page, APIC_REG_svr) &
					SVR_ENABLE;
	return call_pass(call);
}

int planted_ldr_write_accepted(struct call *call)
{
	if (is_x2apic_msr(call, APIC_REG_ldr) &&
	    mode_of(call->cpu) == APIC_MODE_X2APIC)
		return MSRS_ACCEPTED;
	return call_pass(call);
}

int planted_eoi_lost(struct call *call)
{
	struct kvm_lapic_state page;
	uint32_t high = 0;

	if (!is_x2apic_msr(call, APIC_REG_eoi) || call_msr(call)->data >> 32 ||
	    mode_of(call->cpu) != APIC_MODE_X2APIC ||
	    !cpu_read_page(call->cpu, &page))
		return call_pass(call);
	for (uint32_t slot = APIC_REG_isr4; slot <= APIC_REG_isr7; slot++)
		high |= page_get(&page, slot);
	return high ? MSRS_ACCEPTED : call_pass(call);
}

int planted_self_ipi_to_neighbour(struct call *call)
{
	struct call other = *call;

	if (is_x2apic_msr(call, APIC_REG_self_ipi) &&
	    call->cpu + 1 < call->vm->cpus + call->vm->nr_cpus &&
	    mode_of(call->cpu) == APIC_MODE_X2APIC &&
	    mode_of(call->cpu + 1) == APIC_MODE_X2APIC)
		other.fd = call->cpu[1].fd;
	return call_pass(&other);
}

int planted_icr_shorthand_lost(struct call *call)
{
	uint32_t icr = (uint32_t)call_msr(call)->data & ~ICR_BUSY;
	int result = call_pass(call);

	if (is_x2apic_msr(call, APIC_REG_icr) && result == MSRS_ACCEPTED)
		set_register(call->cpu, APIC_REG_icr,
			     icr & ~(ICR_SHORTHAND_MASK
				     << ICR_SHORTHAND_SHIFT));
	return result;
}
