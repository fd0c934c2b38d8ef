/* vCPU creation. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "kvmdrv/vm.h"
#include "scenario/check.h"

#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_EDX_MSR (1u << 5)
#define CPUID_1_EDX_PAE (1u << 6)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_80000001_EDX_LM (1u << 29)
#define CPUID_80000008_EAX 0x3024u /* 48-bit linear, 36-bit physical */

/*
 * The CPUID profile: an APIC with x2APIC, 36 bits of physical address, and
 * what long mode needs.
 */
static const struct kvm_cpuid_entry2 x2apic_profile[] = {
	{ .function = 0, .eax = 1 },
	{ .function = 1,
	  .ecx = CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE,
	  .edx = CPUID_1_EDX_MSR | CPUID_1_EDX_PAE | CPUID_1_EDX_APIC },
	{ .function = 0x80000000, .eax = 0x80000008 },
	{ .function = 0x80000001, .edx = CPUID_80000001_EDX_LM },
	{ .function = 0x80000008, .eax = CPUID_80000008_EAX },
};

static void set_cpuid(struct vm *vm, uint32_t vcpu)
{
	union {
		struct kvm_cpuid2 cpuid;
		uint8_t room[sizeof(struct kvm_cpuid2) +
			     sizeof(x2apic_profile)];
	} all = { .cpuid.nent = ARRAY_SIZE(x2apic_profile) };

	memcpy(all.cpuid.entries, x2apic_profile, sizeof(x2apic_profile));
	vcpu_ioctl(vm, vcpu, KVM_SET_CPUID2, &all);
}

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
	if (fd >= 0 && vm->config.cpuid == CPUID_X2APIC)
		set_cpuid(vm, i);
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
