/* The registers of the local APIC, by page and by x2APIC MSR. */
#include <string.h>

#include "kvmdrv/vm.h"
#include "scenario/x86.h"

/*
 * Read, change one register, write back. In a VM that is kept the page need
 * not be read where nothing but this came since it was: what KVM changes in
 * what it was given, it changes again.
 */
struct answer kvmdrv_lapic_write(struct vm *vm, const struct op_lapic_write *op)
{
	struct vcpu *vcpu = vm->vcpus[op->vcpu];
	struct kvm_lapic_state page;
	int result;

	if (!vm->kept || vcpu->page_round != vm->round) {
		result = try_vcpu_ioctl(vm, op->vcpu, KVM_GET_LAPIC,
					&vcpu->page);
		if (result != 0)
			return answer_of_call(result);
	}
	page = vcpu->page;
	vcpu->page_round = vm->round;
	memcpy(page.regs + 16 * op->reg, &op->value, sizeof(op->value));
	result = try_vcpu_ioctl(vm, op->vcpu, KVM_SET_LAPIC, &page);
	if (result == 0) {
		vcpu->page = page;
		vm->nr_old_pages -= vcpu->page_is_old;
		vcpu->page_is_old = false;
	}
	return answer_of_call(result);
}

struct answer kvmdrv_x2apic_write(struct vm *vm,
				  const struct op_x2apic_write *op)
{
	return answer_of_count(try_set_msr(
		vm, op->vcpu, MSR_X2APIC_BASE + op->reg, op->value));
}

struct answer kvmdrv_lapic_read(struct vm *vm, const struct op_lapic_read *op)
{
	struct kvm_lapic_state page;
	int result = try_vcpu_ioctl(vm, op->vcpu, KVM_GET_LAPIC, &page);
	struct answer answer = answer_of_call(result);
	uint32_t value;

	if (result == 0) {
		memcpy(&value, page.regs + 16 * op->reg, sizeof(value));
		answer.value = value;
	}
	return answer;
}

struct answer kvmdrv_x2apic_read(struct vm *vm, const struct op_x2apic_read *op)
{
	uint64_t value;
	int result =
		try_get_msr(vm, op->vcpu, MSR_X2APIC_BASE + op->reg, &value);
	struct answer answer = answer_of_count(result);

	answer.value = value;
	return answer;
}
