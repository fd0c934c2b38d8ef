/*
 * The state of a whole VM, copied to a new one by the ioctls that a VMM uses
 * for that; the guest's memory goes along. What no op changes is left out:
 * FPU, debug registers and timers are as new in either.
 */
#include <stdlib.h>
#include <string.h>

#include "kvmdrv/vm.h"
#include "scenario/check.h"
#include "scenario/x86.h"

static const uint32_t msrs[] = { MSR_IA32_APIC_BASE };

/* In the order of restoring it. */
struct saved_vcpu {
	struct kvm_sregs sregs;
	uint64_t msrs[ARRAY_SIZE(msrs)];
	struct kvm_lapic_state page;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_regs regs;
};

/*
 * KVM's API, KVM_RUN: what an exit began is complete after the next KVM_RUN
 * only, be it one that ends at once.
 */
static void complete_exit(const struct vcpu *vcpu)
{
	if (!vcpu->run)
		return;
	vcpu->run->immediate_exit = 1;
	vcpu->run->kvm_valid_regs = 0;
	if (ioctl(vcpu->fd, KVM_RUN, 0) != -1)
		must_succeed(-1, "KVM_RUN with immediate_exit");
}

/*
 * MP_STATE first: the vCPU takes INIT and SIPI then, and neither can be saved.
 * 0 or -errno.
 */
static int save_vcpu(struct saved_vcpu *out, struct vm *vm, uint32_t i)
{
	if (vm->vcpus[i]->fd < 0)
		return 0;
	complete_exit(vm->vcpus[i]);
	vcpu_ioctl(vm, i, KVM_GET_MP_STATE, &out->mp_state);
	vcpu_ioctl(vm, i, KVM_GET_VCPU_EVENTS, &out->events);
	vcpu_ioctl(vm, i, KVM_GET_REGS, &out->regs);
	vcpu_ioctl(vm, i, KVM_GET_SREGS, &out->sregs);
	for (size_t at = 0; at < ARRAY_SIZE(msrs); at++)
		if (try_get_msr(vm, i, msrs[at], &out->msrs[at]) != 1)
			must_succeed(-1, "KVM_GET_MSRS, to save it");
	return try_vcpu_ioctl(vm, i, KVM_GET_LAPIC, &out->page);
}

static int restore_vcpu(struct vm *vm, uint32_t i, struct saved_vcpu *saved)
{
	int result;

	if (vm->vcpus[i]->fd < 0)
		return 0;
	result = try_vcpu_ioctl(vm, i, KVM_SET_SREGS, &saved->sregs);
	for (size_t at = 0; result == 0 && at < ARRAY_SIZE(msrs); at++)
		if (try_set_msr(vm, i, msrs[at], saved->msrs[at]) != 1)
			must_succeed(-1, "KVM_SET_MSRS, to restore it");
	if (result == 0)
		result = try_vcpu_ioctl(vm, i, KVM_SET_LAPIC, &saved->page);
	if (result == 0)
		result = try_vcpu_ioctl(vm, i, KVM_SET_VCPU_EVENTS,
					&saved->events);
	if (result == 0)
		result = try_vcpu_ioctl(vm, i, KVM_SET_MP_STATE,
					&saved->mp_state);
	if (result == 0)
		result = try_vcpu_ioctl(vm, i, KVM_SET_REGS, &saved->regs);
	return result;
}

/* A VM with the same settings, and as many vCPUs with the same IDs. */
static struct vm *make_like(const struct vm *vm)
{
	struct vm *new = vm_create(vm->drv, &vm->config);

	for (uint32_t i = 0; i < vm->nr_vcpus; i++)
		vm_add_vcpu(new, vm->vcpus[i]->vcpu_id);
	new->grown = true;
	new->record = vm->record;
	new->long_mode = vm->long_mode;
	return new;
}

/* What the driver knows of the guest, and its memory. */
static void move_guest(struct vm *to, struct vm *from)
{
	for (uint32_t i = 0; i < from->nr_vcpus; i++) {
		struct vcpu *vcpu = to->vcpus[i];

		vcpu->has_run = from->vcpus[i]->has_run;
		vcpu->guest_ended = from->vcpus[i]->guest_ended;
		vcpu->halted = from->vcpus[i]->halted;
	}
	if (from->memory)
		guest_take_memory(to, from);
}

static void exchange(struct vm *a, struct vm *b)
{
	struct vm was = *a;

	*a = *b;
	*b = was;
}

struct answer kvmdrv_save_restore(struct vm *vm,
				  const struct op_save_restore *op)
{
	struct saved_vcpu *saved =
		must_allocate((vm->nr_vcpus + 1) * sizeof(*saved));
	struct vm *new;
	int result = 0;

	(void)op;
	for (uint32_t i = 0; result == 0 && i < vm->nr_vcpus; i++)
		result = save_vcpu(&saved[i], vm, i);
	if (result != 0)
		goto out;
	new = make_like(vm);
	for (uint32_t i = 0; result == 0 && i < vm->nr_vcpus; i++)
		result = restore_vcpu(new, i, &saved[i]);
	for (uint32_t i = 0; result == 0 && i < vm->nr_vcpus; i++)
		vcpu_copy_msrs(new, vm, i);
	if (result == 0)
		result = chipset_copy(new, vm);
	if (result == 0) {
		move_guest(new, vm);
		exchange(vm, new);
	}
	vm_destroy(new, vm->drv);
out:
	free(saved);
	return answer_of_call(result);
}
