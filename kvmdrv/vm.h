/*
 * Private to kvmdrv/: VMs and vCPUs, and the ioctl wrappers in two forms: one
 * for calls that must succeed, one for calls whose answer is what is tested.
 */
#ifndef KVMDRV_VM_H
#define KVMDRV_VM_H

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "kvmdrv/closer.h"
#include "kvmdrv/kvmdrv.h"

struct kvmdrv {
	int fd;
	struct closer closer;
};

struct vm {
	int fd;
	uint32_t nr_vcpus;
	int vcpu_fds[VCPUS_MAX]; /* -1: creation was refused */
	enum cpuid cpuid;
};

/* The call must succeed: its result, or the end of the process. */
#define must_ioctl(fd, request, argument) \
	must_succeed(ioctl_again(fd, request, argument), #request)
#define vm_ioctl(vm, request, argument) must_ioctl((vm)->fd, request, argument)
#define vcpu_ioctl(vm, vcpu, request, argument) \
	must_ioctl((vm)->vcpu_fds[vcpu], request, argument)

/* The answer is data: its result, or -errno. */
#define try_vm_ioctl(vm, request, argument) \
	result_or_errno(ioctl_again((vm)->fd, request, argument))
#define try_vcpu_ioctl(vm, vcpu, request, argument) \
	result_or_errno(ioctl_again((vm)->vcpu_fds[vcpu], request, argument))

/*
 * ioctl(), again where a signal cut it short: engines keep time by SIGALRM.
 * The argument is a pointer or a number.
 */
#define ioctl_again(fd, request, argument) \
	repeat_ioctl(fd, request, (unsigned long)(argument))
int repeat_ioctl(int fd, unsigned long request, unsigned long argument);

/* @result unless it is -1; then a HARNESS line with @call, and exit. */
int must_succeed(int result, const char *call);
int result_or_errno(int result);

/* A VM with the settings of @config and no vCPUs. */
void vm_create(struct vm *out, const struct kvmdrv *drv,
	       const struct config *config);
/* Give it up, vCPUs and all; the kernel ends it in the background. */
void vm_destroy(struct vm *vm, struct kvmdrv *drv);

/* KVM_SET_MSRS of one MSR: how many were written, or -errno. */
int try_set_msr(struct vm *vm, uint32_t vcpu, uint32_t msr, uint64_t value);

/* KVM_ENABLE_CAP on the VM: 0 or -errno. */
int try_enable_cap(struct vm *vm, uint32_t cap, uint64_t argument);

/* The answer of a call that returns 0 or -errno. */
struct answer answer_of_call(int result);
/* The answer of a call that returns a count, of which 0 means refused. */
struct answer answer_of_count(int result);

/* Handlers, one an op. */
#define OP(id, name, fields) \
	struct answer kvmdrv_##name(struct vm *vm, const struct op_##name *op);
#include "scenario/ops.def"

#endif
