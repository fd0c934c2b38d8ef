/* Creation of VMs and vCPUs, and INIT. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "scenario/scenario.h"
#include "scenario/x86.h"
#include "tests/planted/planted.h"

int planted_last_id_refused(struct call *call)
{
	if ((uintptr_t)call->argument == VCPU_ID_MAX)
		return call_refuse(EINVAL);
	return call_pass(call);
}

/* The vCPU that is made has the next ID that is free. */
int planted_duplicate_accepted(struct call *call)
{
	uintptr_t vcpu_id = (uintptr_t)call->argument;
	int result = call_pass(call);

	while (result < 0 && errno == EEXIST && vcpu_id < VCPU_ID_MAX) {
		call->argument = (void *)++vcpu_id;
		result = call_pass(call);
	}
	return result;
}

int planted_boot_id_ignored(struct call *call)
{
	(void)call;
	return 0;
}

static bool is_x2apic_api(const struct call *call)
{
	const struct kvm_enable_cap *cap = call->argument;

	return cap->cap == KVM_CAP_X2APIC_API;
}

int planted_late_flags_ignored(struct call *call)
{
	if (is_x2apic_api(call) && call->vm->nr_cpus)
		return 0;
	return call_pass(call);
}

int planted_broadcast_quirk_stays(struct call *call)
{
	struct kvm_enable_cap *cap = call->argument;

	if (is_x2apic_api(call))
		cap->args[0] &= ~KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	return call_pass(call);
}

/*
 * Reading MP_STATE makes the vCPU take an INIT that waits, and changes no
 * register of the local APIC otherwise.
 */
static bool takes_init(const struct call *call, int *out_result,
		       struct kvm_lapic_state *before)
{
	struct kvm_lapic_state after;
	bool read = cpu_read_page(call->cpu, before);

	*out_result = call_pass(call);
	return read && *out_result == 0 && cpu_read_page(call->cpu, &after) &&
	       memcmp(before, &after, sizeof(after)) != 0;
}

int planted_init_keeps_tpr(struct call *call)
{
	struct kvm_lapic_state before, page;
	int result;

	if (!takes_init(call, &result, &before) ||
	    !cpu_read_page(call->cpu, &page))
		return result;
	page_set(&page, APIC_REG_tpr, page_get(&before, APIC_REG_tpr));
	cpu_write_page(call->cpu, &page);
	return result;
}

int planted_init_bsp_waits(struct call *call)
{
	struct kvm_mp_state *state = call->argument;
	struct kvm_lapic_state before;
	int result;

	if (takes_init(call, &result, &before) &&
	    state->mp_state == KVM_MP_STATE_RUNNABLE &&
	    cpu_apicbase(call->cpu) & APICBASE_BSP) {
		state->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		quiet_ioctl(call->fd, KVM_SET_MP_STATE, state);
	}
	return result;
}
