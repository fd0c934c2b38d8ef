/* IA32_APIC_BASE. */
#include "kvmdrv/vm.h"
#include "scenario/x86.h"

struct answer kvmdrv_apicbase_write(struct vm *vm,
				    const struct op_apicbase_write *op)
{
	vm->vcpus[op->vcpu]->apicbase_known = false;
	return answer_of_count(
		try_set_msr(vm, op->vcpu, MSR_IA32_APIC_BASE, op->value));
}

struct answer kvmdrv_apicbase_restore(struct vm *vm,
				      const struct op_apicbase_restore *op)
{
	struct kvm_sregs sregs;

	vm->vcpus[op->vcpu]->apicbase_known = false;
	vcpu_ioctl(vm, op->vcpu, KVM_GET_SREGS, &sregs);
	sregs.apic_base = op->value;
	return answer_of_call(
		try_vcpu_ioctl(vm, op->vcpu, KVM_SET_SREGS, &sregs));
}
