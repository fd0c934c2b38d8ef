/* Looking at what a host offers of nested virtualization. */
#include "kvmdrv/probe_nested.h"

#include <string.h>
#include <sys/ioctl.h>

#include "kvmdrv/probe_cpuid.h"
#include "kvmdrv/vm.h"
#include "scenario/check.h"
#include "scenario/x86.h"

enum { FEATURES_MAX = 512 };

/* CPUID.1.ECX[5] and CPUID.80000001.ECX[2]. */
static const struct {
	uint32_t leaf, ecx;
} cpuid_bits[NESTED_KINDS] = {
	[NESTED_VMX] = { 1, 1u << 5 },
	[NESTED_SVM] = { 0x80000001, 1u << 2 },
};

static bool is_supported(const struct kvmdrv *drv, enum nested_kind kind)
{
	static union probe_cpuid cpuid;
	const struct kvm_cpuid_entry2 *leaf;

	if (probe_cpuid_supported(&cpuid, drv) != 0)
		return false;
	leaf = probe_cpuid_leaf(&cpuid, cpuid_bits[kind].leaf);
	return leaf && (leaf->ecx & cpuid_bits[kind].ecx);
}

static int state_size(const struct kvmdrv *drv)
{
	return ioctl(drv->fd, KVM_CHECK_EXTENSION, KVM_CAP_NESTED_STATE);
}

static bool feature_value(const struct kvmdrv *drv, uint32_t msr, uint64_t *out)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) +
			     sizeof(struct kvm_msr_entry)];
	} one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0].index = msr;
	if (ioctl(drv->fd, KVM_GET_MSRS, &one) != 1)
		return false;
	*out = one.msrs.entries[0].data;
	return true;
}

static void look_at_features(struct nested *out, const struct kvmdrv *drv,
			     const struct nested_names *names)
{
	static union {
		struct kvm_msr_list list;
		uint32_t room[1 + FEATURES_MAX];
	} all;

	all.list.nmsrs = FEATURES_MAX;
	if (ioctl(drv->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, &all) != 0)
		return;
	for (uint32_t i = 0; i < all.list.nmsrs; i++)
		for (uint32_t j = 0; j < names->nr_msrs; j++)
			if (all.list.indices[i] == names->msrs[j] &&
			    feature_value(drv, names->msrs[j],
					  &out->feature_values[j]))
				out->features |= 1u << j;
}

/* The register that has the control bit, as KVM_GET_SREGS shows it. */
static uint64_t *control_of(struct kvm_sregs *sregs, enum nested_kind kind)
{
	return kind == NESTED_VMX ? (uint64_t *)&sregs->cr4 :
				    (uint64_t *)&sregs->efer;
}

static bool control_is_set(struct vm *vm, enum nested_kind kind, uint64_t bit)
{
	struct kvm_sregs sregs;

	return try_vcpu_ioctl(vm, 0, KVM_GET_SREGS, &sregs) == 0 &&
	       (*control_of(&sregs, kind) & bit);
}

/* Set it, see whether it is, and clear it again. */
static bool host_sets(struct vm *vm, enum nested_kind kind, uint64_t bit)
{
	struct kvm_sregs old, sregs;
	bool is_set;

	if (try_vcpu_ioctl(vm, 0, KVM_GET_SREGS, &old) != 0)
		return false;
	sregs = old;
	*control_of(&sregs, kind) |= bit;
	is_set = try_vcpu_ioctl(vm, 0, KVM_SET_SREGS, &sregs) == 0 &&
		 control_is_set(vm, kind, bit);
	return try_vcpu_ioctl(vm, 0, KVM_SET_SREGS, &old) == 0 && is_set;
}

static bool guest_sets(struct nested_guest *out, struct vm *vm,
		       enum nested_kind kind, uint64_t bit)
{
	bool is_cr4 = kind == NESTED_VMX;
	struct guest_command command = {
		.code = is_cr4 ? GUEST_CR4_READ : GUEST_RDMSR,
		.reg = (uint32_t)MSR_EFER,
	};

	if (!probe_vm_command(&out->ended, vm, &command))
		return false;
	command.code = is_cr4 ? GUEST_CR4_WRITE : GUEST_WRMSR;
	command.value = command.result[0] | bit;
	return probe_vm_command(&out->ended, vm, &command) &&
	       control_is_set(vm, kind, bit);
}

static void read_msrs(struct nested_guest *out, struct vm *vm,
		      const struct nested_names *names)
{
	for (uint32_t i = 0; i < names->nr_msrs; i++) {
		struct guest_command command = { .code = GUEST_RDMSR,
						 .reg = names->msrs[i] };

		if (!probe_vm_command(&out->ended, vm, &command))
			return;
		if (command.outcome != OUTCOME_DONE)
			continue;
		out->readable |= 1u << i;
		out->values[i] = (uint64_t)command.result[1] << 32 |
				 command.result[0];
	}
}

static void look_in_guest(struct nested_guest *out, struct kvmdrv *drv,
			  enum nested_kind kind, bool with)
{
	static union probe_cpuid cpuid;
	const uint32_t ecx = cpuid_bits[kind].ecx;
	const uint64_t bit = kind == NESTED_VMX ? CR4_VMXE : EFER_SVME;
	struct guest_command command = { .code = GUEST_CPUID,
					 .reg = cpuid_bits[kind].leaf };
	struct kvm_cpuid_entry2 *leaf = NULL;
	struct vm *vm;

	*out = (struct nested_guest){ 0 };
	if (probe_cpuid_supported(&cpuid, drv) == 0)
		leaf = probe_cpuid_leaf(&cpuid, cpuid_bits[kind].leaf);
	if (!leaf) {
		probe_say(&out->ended, PROBE_UNDETERMINED,
			  "KVM_GET_SUPPORTED_CPUID has no leaf 0x%x",
			  cpuid_bits[kind].leaf);
		return;
	}
	leaf->ecx = with ? leaf->ecx | ecx : leaf->ecx & ~ecx;
	vm = probe_vm_make(drv, &cpuid, &out->error);
	if (!out->error) {
		out->by_host = host_sets(vm, kind, bit);
		if (probe_vm_command(&out->ended, vm, &command))
			out->shows_bit = command.result[2] & ecx;
		if (!out->ended.why[0])
			read_msrs(out, vm, &nested_names[kind]);
		if (!out->ended.why[0])
			out->by_guest = guest_sets(out, vm, kind, bit);
	}
	vm_destroy(vm, drv);
}

static void look(struct nested *out, struct kvmdrv *drv, enum nested_kind kind)
{
	*out = (struct nested){ .supported = is_supported(drv, kind) };
	look_at_features(out, drv, &nested_names[kind]);
	look_in_guest(&out->with, drv, kind, true);
	look_in_guest(&out->without, drv, kind, false);
}

static void say_msrs(struct probe_found *out, struct kvmdrv *drv,
		     enum nested_kind kind)
{
	struct nested nested;

	look(&nested, drv, kind);
	nested_decide_msrs(out, kind, &nested);
}

static void say_control(struct probe_found *out, struct kvmdrv *drv,
			enum nested_kind kind)
{
	struct nested nested;

	look(&nested, drv, kind);
	nested_decide_control(out, kind, &nested);
}

void probe_nested_state(struct probe_found *out, struct kvmdrv *drv)
{
	nested_decide_state(out, state_size(drv));
}

void probe_nested_vmx_cpuid(struct probe_found *out, struct kvmdrv *drv)
{
	nested_decide_cpuid(out, NESTED_VMX, is_supported(drv, NESTED_VMX));
}

void probe_nested_svm_cpuid(struct probe_found *out, struct kvmdrv *drv)
{
	nested_decide_cpuid(out, NESTED_SVM, is_supported(drv, NESTED_SVM));
}

void probe_nested_vmx_msrs(struct probe_found *out, struct kvmdrv *drv)
{
	say_msrs(out, drv, NESTED_VMX);
}

void probe_nested_svm_msrs(struct probe_found *out, struct kvmdrv *drv)
{
	say_msrs(out, drv, NESTED_SVM);
}

void probe_nested_vmxe(struct probe_found *out, struct kvmdrv *drv)
{
	say_control(out, drv, NESTED_VMX);
}

void probe_nested_svme(struct probe_found *out, struct kvmdrv *drv)
{
	say_control(out, drv, NESTED_SVM);
}

void probe_nested_consistent(struct probe_found *out, struct kvmdrv *drv)
{
	struct nested nested[NESTED_KINDS];

	for (enum nested_kind kind = 0; kind < NESTED_KINDS; kind++)
		look(&nested[kind], drv, kind);
	nested_decide_consistent(out, state_size(drv), nested);
}
