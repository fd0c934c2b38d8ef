/* vCPU creation. */
#include <errno.h>

#include "kvmdrv/vm.h"

const struct vcpu *vm_add_vcpu(struct vm *vm, uint32_t vcpu_id)
{
	struct vcpu *vcpu = must_allocate(sizeof(*vcpu));
	uint32_t i = vm->nr_vcpus++;
	int fd = try_vm_ioctl(vm, KVM_CREATE_VCPU, (unsigned long)vcpu_id);

	/* What the process has too little of is no answer of KVM's. */
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM) {
		errno = -fd;
		must_succeed(-1, "KVM_CREATE_VCPU");
	}
	vm->vcpus[i] = vcpu;
	vcpu->vcpu_id = vcpu_id;
	vcpu->created = answer_of_call(fd);
	vcpu->fd = fd >= 0 ? fd : -1;
	if (fd >= 0)
		vcpu_set_cpuid(vm, i);
	return vcpu;
}

struct answer kvmdrv_mp_state_set(struct vm *vm,
				  const struct op_mp_state_set *op)
{
	struct kvm_mp_state mp_state = { .mp_state = op->state };

	return answer_of_call(
		try_vcpu_ioctl(vm, op->vcpu, KVM_SET_MP_STATE, &mp_state));
}

struct answer kvmdrv_vcpu_create(struct vm *vm, const struct op_vcpu_create *op)
{
	if (vm->nr_vcpus < vm->nr_built)
		return vm->vcpus[vm->nr_vcpus++]->created;
	vm->grown = true;
	return vm_add_vcpu(vm, op->vcpu_id)->created;
}
