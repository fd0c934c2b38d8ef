/*
 * Which descriptors are VMs and vCPUs. Closing is not watched: a descriptor's
 * number means something new when a VM or a vCPU is created under it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/planted/planted.h"

enum { FDS_MAX = 1 << 20 };

static struct {
	struct machine *vm;
	struct cpu *cpu;
} by_fd[FDS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void machines_find(struct call *call)
{
	if (call->fd < 0 || call->fd >= FDS_MAX)
		return;
	pthread_mutex_lock(&lock);
	call->cpu = by_fd[call->fd].cpu;
	call->vm = call->cpu ? call->cpu->vm : by_fd[call->fd].vm;
	pthread_mutex_unlock(&lock);
}

/* The VM that had this number before is gone, and so are its vCPUs. */
static void forget(int fd)
{
	struct machine *vm = by_fd[fd].vm;

	by_fd[fd].vm = NULL;
	by_fd[fd].cpu = NULL;
	if (!vm)
		return;
	for (uint32_t i = 0; i < vm->nr_cpus; i++)
		if (by_fd[vm->cpus[i].fd].cpu == &vm->cpus[i])
			by_fd[vm->cpus[i].fd].cpu = NULL;
	free(vm);
}

static void note_vm(int fd)
{
	struct machine *vm = calloc(1, sizeof(*vm));

	forget(fd);
	if (!vm)
		return;
	vm->fd = fd;
	by_fd[fd].vm = vm;
}

static void note_vcpu(struct machine *vm, int fd, uint32_t vcpu_id)
{
	struct cpu *cpu;

	forget(fd);
	if (vm->nr_cpus == MACHINE_CPUS)
		return;
	cpu = &vm->cpus[vm->nr_cpus++];
	cpu->vm = vm;
	cpu->fd = fd;
	cpu->vcpu_id = vcpu_id;
	by_fd[fd].cpu = cpu;
}

void machines_note(const struct call *call, int result)
{
	const struct kvm_enable_cap *cap = call->argument;

	if (result < 0 || result >= FDS_MAX)
		return;
	pthread_mutex_lock(&lock);
	if (call->request == KVM_CREATE_VM)
		note_vm(result);
	else if (call->request == KVM_CREATE_VCPU && call->vm)
		note_vcpu(call->vm, result, (uint32_t)(uintptr_t)cap);
	else if (call->request == KVM_ENABLE_CAP && call->vm &&
		 cap->cap == KVM_CAP_X2APIC_API)
		call->vm->api_flags |= (uint32_t)cap->args[0];
	pthread_mutex_unlock(&lock);
}
