/* The registers of the local APIC, by page and by x2APIC MSR. */
#include <string.h>

#include "kvmdrv/vm.h"
#include "scenario/x86.h"

struct answer kvmdrv_lapic_write(struct vm *vm, const struct op_lapic_write *op)
{
	struct kvm_lapic_state page;

	vcpu_ioctl(vm, op->vcpu, KVM_GET_LAPIC, &page);
	memcpy(page.regs + 16 * op->reg, &op->value, sizeof(op->value));
	return answer_of_call(
		try_vcpu_ioctl(vm, op->vcpu, KVM_SET_LAPIC, &page));
}

struct answer kvmdrv_x2apic_write(struct vm *vm,
				  const struct op_x2apic_write *op)
{
	return answer_of_count(try_set_msr(
		vm, op->vcpu, MSR_X2APIC_BASE + op->reg, op->value));
}
