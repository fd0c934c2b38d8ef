/* Lifetime of VMs, and the ioctl wrappers. */
#include "kvmdrv/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scenario/x86.h"

/* Pins of an IOAPIC that user space would emulate with a split irqchip. */
enum { SPLIT_IRQCHIP_PINS = 24 };

int repeat_ioctl(int fd, unsigned long request, unsigned long argument)
{
	int result;

	do
		result = ioctl(fd, request, argument);
	while (result < 0 && errno == EINTR);
	return result;
}

int vm_call(const struct vm *vm, int fd, unsigned long request,
	    unsigned long argument)
{
	if (vm->record)
		record_add(vm->record, fd, request, argument);
	return repeat_ioctl(fd, request, argument);
}

int must_succeed(int result, const char *call)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "HARNESS: %s: %s\n", call, strerror(errno));
	/* Engines take an exit() for a crash of the target. */
	fflush(NULL);
	_exit(KVMDRV_EXIT_HARNESS);
}

int result_or_errno(int result)
{
	return result >= 0 ? result : -errno;
}

void *must_allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		must_succeed(-1, "malloc");
	return memory;
}

int try_enable_cap(struct vm *vm, uint32_t cap, uint64_t argument)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { argument } };

	return try_vm_ioctl(vm, KVM_ENABLE_CAP, &enable);
}

/* An MSR, in the form that KVM wants a list of them. */
union one_msr {
	struct kvm_msrs msrs;
	uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

int try_set_msr(struct vm *vm, uint32_t vcpu, uint32_t msr, uint64_t value)
{
	union one_msr one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0] =
		(struct kvm_msr_entry){ .index = msr, .data = value };
	return try_vcpu_ioctl(vm, vcpu, KVM_SET_MSRS, &one);
}

int try_get_msr(struct vm *vm, uint32_t vcpu, uint32_t msr, uint64_t *out)
{
	union one_msr one = { .msrs.nmsrs = 1 };
	int result;

	one.msrs.entries[0] = (struct kvm_msr_entry){ .index = msr };
	result = try_vcpu_ioctl(vm, vcpu, KVM_GET_MSRS, &one);
	*out = result == 1 ? one.msrs.entries[0].data : 0;
	return result;
}

struct answer answer_of_call(int result)
{
	if (result >= 0)
		return (struct answer){ .accepted = 1 };
	return (struct answer){ .error = (uint32_t)-result };
}

struct answer answer_of_count(int result)
{
	if (result >= 0)
		return (struct answer){ .accepted = result > 0 };
	return (struct answer){ .error = (uint32_t)-result };
}

static void create_irqchip(struct vm *vm, enum irqchip kind)
{
	switch (kind) {
	case IRQCHIP_SPLIT:
		errno = -try_enable_cap(vm, KVM_CAP_SPLIT_IRQCHIP,
					SPLIT_IRQCHIP_PINS);
		must_succeed(errno ? -1 : 0, "KVM_CAP_SPLIT_IRQCHIP");
		break;
	case IRQCHIP_FULL:
		vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
		break;
	}
}

/*
 * KVM's API: the newer capability refuses what it does not know. danger_check()
 * knows what a host offers.
 */
static void turn_off_quirks(struct vm *vm, uint64_t quirks)
{
	int cap = ioctl(vm->drv->fd, KVM_CHECK_EXTENSION,
			KVM_CAP_DISABLE_QUIRKS2) > 0 ?
			  KVM_CAP_DISABLE_QUIRKS2 :
			  KVM_CAP_DISABLE_QUIRKS;

	errno = -try_enable_cap(vm, (uint32_t)cap, quirks);
	must_succeed(errno ? -1 : 0, "KVM_CAP_DISABLE_QUIRKS");
}

struct vm *vm_create(struct kvmdrv *drv, const struct config *config)
{
	struct vm *vm = must_allocate(sizeof(*vm));

	vm->drv = drv;
	vm->config = *config;
	vm->round = 1;
	vm->long_mode = config->guest == GUEST_LONG;
	vm->fd = must_ioctl(drv->fd, KVM_CREATE_VM, 0);
	if (config->quirks_off)
		turn_off_quirks(vm, config->quirks_off);
	create_irqchip(vm, (enum irqchip)config->irqchip);
	if (config->x2apic_api) {
		errno = -try_enable_cap(vm, KVM_CAP_X2APIC_API,
					config->x2apic_api);
		must_succeed(errno ? -1 : 0, "KVM_CAP_X2APIC_API");
	}
	if (config->boot_vcpu_id)
		vm_ioctl(vm, KVM_SET_BOOT_CPU_ID,
			 (unsigned long)config->boot_vcpu_id);
	return vm;
}

/* The VM lives until its last descriptor is closed: that is the slow one. */
void vm_destroy(struct vm *vm, struct kvmdrv *drv)
{
	uint32_t nr = vm->nr_vcpus > vm->nr_built ? vm->nr_vcpus : vm->nr_built;

	for (uint32_t i = 0; i < nr; i++) {
		struct vcpu *vcpu = vm->vcpus[i];

		if (vcpu->run)
			munmap(vcpu->run, drv->run_size);
		if (vcpu->fd >= 0)
			close(vcpu->fd);
		free(vcpu);
	}
	closer_close(&drv->closer, vm->fd);
	guest_free(vm);
	chipset_free(vm);
	free(vm);
}
