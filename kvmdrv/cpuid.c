/* CPUID, as the host sets and sees it. */
#include "scenario/cpuid.h"

#include "kvmdrv/vm.h"
#include "scenario/check.h"

/* KVM may add leaves to those that it was given. */
enum { ENTRIES_MAX = 64 };

union table {
	struct kvm_cpuid2 cpuid;
	uint8_t room[sizeof(struct kvm_cpuid2) +
		     ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2)];
};
_Static_assert((int)CPUID_LEAVES_MAX <= (int)ENTRIES_MAX, "room");

void vcpu_set_cpuid(struct vm *vm, uint32_t vcpu)
{
	struct cpuid_leaf leaves[CPUID_LEAVES_MAX];
	size_t nr = cpuid_profile(leaves, (enum cpuid)vm->config.cpuid,
				  vm->vcpus[vcpu]->vcpu_id);
	union table table = { .cpuid.nent = (uint32_t)nr };

	for (size_t i = 0; i < nr; i++)
		table.cpuid.entries[i] = (struct kvm_cpuid_entry2){
			.function = leaves[i].leaf,
			.index = leaves[i].subleaf,
			.flags = leaves[i].has_subleaves ?
					 KVM_CPUID_FLAG_SIGNIFCANT_INDEX :
					 0,
			.eax = leaves[i].regs[CPUID_EAX],
			.ebx = leaves[i].regs[CPUID_EBX],
			.ecx = leaves[i].regs[CPUID_ECX],
			.edx = leaves[i].regs[CPUID_EDX],
		};
	if (nr)
		vcpu_ioctl(vm, vcpu, KVM_SET_CPUID2, &table);
}

static uint32_t reg_of(const struct kvm_cpuid_entry2 *entry, enum cpuid_reg reg)
{
	switch (reg) {
	case CPUID_EAX:
		return entry->eax;
	case CPUID_EBX:
		return entry->ebx;
	case CPUID_ECX:
		return entry->ecx;
	case CPUID_EDX:
		return entry->edx;
	case CPUID_REGS:
		break;
	}
	CHECK(!"no register of CPUID's");
	return 0;
}

/*
 * Where the table has no such leaf the answer is: not accepted. What KVM does not
 * fill is zero.
 */
struct answer kvmdrv_cpuid_read(struct vm *vm, const struct op_cpuid_read *op)
{
	union table table = { .cpuid.nent = ENTRIES_MAX };

	vcpu_ioctl(vm, op->vcpu, KVM_GET_CPUID2, &table);
	for (uint32_t i = 0; i < table.cpuid.nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &table.cpuid.entries[i];
		bool any = !(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);

		if (entry->function == op->leaf &&
		    (any || entry->index == op->subleaf))
			return (struct answer){
				.accepted = 1,
				.value = reg_of(entry, op->reg),
			};
	}
	return (struct answer){ 0 };
}
