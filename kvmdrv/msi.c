/* Messages from devices, and the VM-wide flags that shape them. */
#include "kvmdrv/vm.h"

struct answer kvmdrv_x2apic_api_enable(struct vm *vm,
				       const struct op_x2apic_api_enable *op)
{
	if (op->flags & ~vm->config.x2apic_api)
		vm->grown = true;
	vm->config.x2apic_api |= op->flags;
	return answer_of_call(
		try_enable_cap(vm, KVM_CAP_X2APIC_API, op->flags));
}

struct answer kvmdrv_msi(struct vm *vm, const struct op_msi *op)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)op->address,
		.address_hi = (uint32_t)(op->address >> 32),
		.data = op->data,
	};

	return answer_of_count(try_vm_ioctl(vm, KVM_SIGNAL_MSI, &msi));
}
