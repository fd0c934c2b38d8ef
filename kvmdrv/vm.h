/*
 * Private to kvmdrv/: VMs and vCPUs, and the ioctl wrappers in two forms: one
 * for calls that must succeed, one for calls whose answer is what is tested.
 */
#ifndef KVMDRV_VM_H
#define KVMDRV_VM_H

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "kvmdrv/chipset.h"
#include "kvmdrv/closer.h"
#include "kvmdrv/guest.h"
#include "kvmdrv/kvmdrv.h"
#include "kvmdrv/msr.h"
#include "kvmdrv/pool.h"
#include "kvmdrv/probe_memory.h"
#include "kvmdrv/record.h"

struct kvmdrv {
	int fd;
	size_t run_size; /* of a vCPU's struct kvm_run, mapped */
	struct closer closer;
	struct guest_host guest;
	struct pool pool;
	struct record record;
	struct memory_seen *memory; /* NULL: memory_look() did not look yet */
};

struct vcpu {
	int fd; /* -1: creation was refused */
	uint32_t vcpu_id;
	struct answer created;
	/*
	 * What KVM_GET_LAPIC would give, in round `page_round` of the VM: since
	 * then KVM_SET_LAPIC put it there, and nothing else came.
	 */
	struct kvm_lapic_state page;
	uint64_t page_round;
	/*
	 * Of a VM that is kept for others: what it showed when it was new, and
	 * whether its page is still to be put back. That waits until it can be
	 * seen, as a scenario's first KVM_SET_LAPIC may put it back as well.
	 */
	bool page_is_old;
	struct kvm_run *run;
	bool has_run;	  /* the guest program, since it was new or reset */
	bool guest_ended; /* badly: it cannot run any more */
	bool halted;	  /* and so in the middle of its stack */
	/* Of a VM that is then not kept: a refused call left the guest one. */
	bool exception_may_wait;
	bool apicbase_known;
	uint64_t apicbase; /* where it is known, without asking KVM */
	struct vcpu_state new_state;
	struct kvm_lapic_state new_page;
	struct kvm_vcpu_events new_events;
	struct kvm_sregs new_sregs;
	struct vcpu_msrs msrs;
};

struct vm {
	struct kvmdrv *drv;
	int fd;
	struct config config; /* flags of X2APIC_API that came late, too */
	/*
	 * vCPUs that the scenario has created so far, and those that are there.
	 * A VM that waited for it has those that it creates first.
	 */
	uint32_t nr_vcpus;
	uint32_t nr_built;
	bool kept;	 /* for others, so it is to be reset */
	bool used;	 /* has run a scenario before */
	bool unhalted;	 /* a vCPU may have what ends its next HLT */
	bool page_moved; /* an APIC page may have been elsewhere */
	bool grown;	 /* has more than when it was new, so it is not kept */
	uint64_t hash;	 /* of its topology */
	uint32_t nr_old_pages;
	uint64_t round;	       /* of ops that may touch any APIC page; from 1 */
	uint64_t last_use;     /* in the pool */
	struct record *record; /* of its calls, or NULL */
	uint8_t *memory;       /* the guest's, or NULL: no vCPU ran yet */
	bool long_mode;	       /* in which the guest program runs */
	struct chipset chipset;
	struct vcpu *vcpus[VCPUS_MAX];
};

/* The call must succeed: its result, or the end of the process. */
#define must_ioctl(fd, request, argument)                                  \
	must_succeed(repeat_ioctl(fd, request, (unsigned long)(argument)), \
		     #request)
#define vm_ioctl(vm, request, argument) \
	must_succeed(ioctl_of(vm, (vm)->fd, request, argument), #request)
#define vcpu_ioctl(vm, vcpu, request, argument)                              \
	must_succeed(ioctl_of(vm, (vm)->vcpus[vcpu]->fd, request, argument), \
		     #request)

/* The answer is data: its result, or -errno. */
#define try_vm_ioctl(vm, request, argument) \
	result_or_errno(ioctl_of(vm, (vm)->fd, request, argument))
#define try_vcpu_ioctl(vm, vcpu, request, argument) \
	result_or_errno(ioctl_of(vm, (vm)->vcpus[vcpu]->fd, request, argument))

/*
 * ioctl(), again where a signal cut it short: engines keep time by SIGALRM.
 * The argument is a pointer or a number. Calls of a VM may be written down.
 */
#define ioctl_of(vm, fd, request, argument) \
	vm_call(vm, fd, request, (unsigned long)(argument))
int repeat_ioctl(int fd, unsigned long request, unsigned long argument);
int vm_call(const struct vm *vm, int fd, unsigned long request,
	    unsigned long argument);

/* @result unless it is -1; then a HARNESS line with @call, and exit. */
int must_succeed(int result, const char *call);
int result_or_errno(int result);
/* Memory, zeroed, or a HARNESS line and exit. */
void *must_allocate(size_t size);

/* A VM with the settings of @config and no vCPUs. */
struct vm *vm_create(struct kvmdrv *drv, const struct config *config);
/* KVM_CREATE_VCPU and its CPUID; a refusal is the answer of that vCPU. */
const struct vcpu *vm_add_vcpu(struct vm *vm, uint32_t vcpu_id);
/* Give it up, vCPUs and all; the kernel ends it in the background. */
void vm_destroy(struct vm *vm, struct kvmdrv *drv);

/* KVM_SET_MSRS, KVM_GET_MSRS of one MSR: how many that were, or -errno. */
int try_set_msr(struct vm *vm, uint32_t vcpu, uint32_t msr, uint64_t value);
int try_get_msr(struct vm *vm, uint32_t vcpu, uint32_t msr, uint64_t *out);
/* KVM_ENABLE_CAP on the VM: 0 or -errno. */
int try_enable_cap(struct vm *vm, uint32_t cap, uint64_t argument);
/* The answer of a call that returns 0 or -errno. */
struct answer answer_of_call(int result);
/* The answer of a call that returns a count, of which 0 means refused. */
struct answer answer_of_count(int result);

/* kvmdrv/cpuid.c: what the settings say, to a new vCPU. */
void vcpu_set_cpuid(struct vm *vm, uint32_t vcpu);

/* Handlers, one an op. */
#define OP(id, name, fields) \
	struct answer kvmdrv_##name(struct vm *vm, const struct op_##name *op);
#include "scenario/ops.def"

#endif
