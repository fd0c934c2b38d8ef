/*
 * Private to kvmdrv/: CPUID tables of probes, and guests that have one: those
 * that run the guest program (kvmdrv/guest.h), in ring 0.
 */
#ifndef KVMDRV_PROBE_CPUID_H
#define KVMDRV_PROBE_CPUID_H

#include <linux/kvm.h>

#include "kvmdrv/probe.h"

struct vm;

enum { PROBE_CPUID_MAX = 256 };

/* As KVM_GET_SUPPORTED_CPUID and KVM_SET_CPUID2 have it. */
union probe_cpuid {
	struct kvm_cpuid2 table;
	uint8_t room[sizeof(struct kvm_cpuid2) +
		     PROBE_CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
};

/* What KVM supports: 0 or -errno. */
int probe_cpuid_supported(union probe_cpuid *out, const struct kvmdrv *drv);

/* Leaf @leaf, subleaf 0; NULL: there is none. */
struct kvm_cpuid_entry2 *probe_cpuid_leaf(union probe_cpuid *cpuid,
					  uint32_t leaf);

/* KVM_SET_CPUID2 of the vCPU @fd: 0 or -errno. */
int probe_cpuid_set(int fd, const union probe_cpuid *cpuid);

/*
 * A new VM with one vCPU, 0, that was given @cpuid; @out_error is 0, or the
 * errno of KVM_SET_CPUID2. To be given up with vm_destroy(). As with VMs of
 * scenarios, a KVM_CREATE_VM that fails is the host's failure.
 */
struct vm *probe_vm_make(struct kvmdrv *drv, const union probe_cpuid *cpuid,
			 int *out_error);

/*
 * Run one command of the guest program on it. False: it did not end as a
 * command does, with a value or an exception, and @out has the reason.
 */
struct guest_command;
bool probe_vm_command(struct probe_found *out, struct vm *vm,
		      struct guest_command *command);

#endif
