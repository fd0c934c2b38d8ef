/* CPUID tables of probes, and guests with one. */
#include "kvmdrv/probe_cpuid.h"

#include <errno.h>
#include <string.h>

#include "kvmdrv/vm.h"

int probe_cpuid_supported(union probe_cpuid *out, const struct kvmdrv *drv)
{
	memset(out, 0, sizeof(*out));
	out->table.nent = PROBE_CPUID_MAX;
	return result_or_errno(
		ioctl(drv->fd, KVM_GET_SUPPORTED_CPUID, &out->table));
}

struct kvm_cpuid_entry2 *probe_cpuid_leaf(union probe_cpuid *cpuid,
					  uint32_t leaf)
{
	for (uint32_t i = 0; i < cpuid->table.nent; i++)
		if (cpuid->table.entries[i].function == leaf &&
		    cpuid->table.entries[i].index == 0)
			return &cpuid->table.entries[i];
	return NULL;
}

int probe_cpuid_set(int fd, const union probe_cpuid *cpuid)
{
	return result_or_errno(ioctl(fd, KVM_SET_CPUID2, &cpuid->table));
}

struct vm *probe_vm_make(struct kvmdrv *drv, const union probe_cpuid *cpuid,
			 int *out_error)
{
	const struct config config = { .irqchip = IRQCHIP_SPLIT,
				       .cpuid = CPUID_NONE };
	struct vm *vm = vm_create(drv, &config);

	*out_error = (int)vm_add_vcpu(vm, 0)->created.error;
	if (!*out_error)
		*out_error = -probe_cpuid_set(vm->vcpus[0]->fd, cpuid);
	return vm;
}

bool probe_vm_command(struct probe_found *out, struct vm *vm,
		      struct guest_command *command)
{
	guest_run(vm, 0, command, 1);
	if (command->outcome == OUTCOME_DONE ||
	    command->outcome == OUTCOME_EXCEPTION)
		return true;
	probe_say(out, PROBE_UNDETERMINED,
		  "the guest program does not run here (outcome %d)",
		  (int)command->outcome);
	return false;
}
