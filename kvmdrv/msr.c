/* MTRRs and PAT: written, read, and put back. */
#include "kvmdrv/vm.h"

static const uint32_t writable[MSRS_WRITABLE] = {
#define MSR(number, name) number,
#include "scenario/msrs.def"
};

static bool is_writable(uint32_t msr)
{
	for (size_t i = 0; i < MSRS_WRITABLE; i++)
		if (writable[i] == msr)
			return true;
	return false;
}

/* @count of them were done, which must be all. */
static void must_be_all(int count, const char *call)
{
	if (count != MSRS_WRITABLE)
		must_succeed(-1, call);
}

static void read_all(struct vm *vm, uint32_t vcpu, union msr_list *out)
{
	out->msrs.nmsrs = MSRS_WRITABLE;
	for (size_t i = 0; i < MSRS_WRITABLE; i++)
		out->msrs.entries[i].index = writable[i];
	must_be_all(vcpu_ioctl(vm, vcpu, KVM_GET_MSRS, out),
		    "KVM_GET_MSRS of MTRRs and PAT");
}

void vcpu_copy_msrs(struct vm *to, struct vm *from, uint32_t vcpu)
{
	union msr_list list;

	if (from->vcpus[vcpu]->fd < 0)
		return;
	read_all(from, vcpu, &list);
	must_be_all(vcpu_ioctl(to, vcpu, KVM_SET_MSRS, &list),
		    "KVM_SET_MSRS of MTRRs and PAT, to copy them");
}

void vcpu_expect_wrmsr(struct vm *vm, uint32_t vcpu, uint32_t msr)
{
	struct vcpu_msrs *msrs = &vm->vcpus[vcpu]->msrs;

	if (!vm->kept || !is_writable(msr))
		return;
	if (!msrs->known)
		read_all(vm, vcpu, &msrs->new);
	msrs->known = true;
	msrs->are_old = true;
}

void vcpu_reset_msrs(struct vm *vm, uint32_t vcpu)
{
	struct vcpu_msrs *msrs = &vm->vcpus[vcpu]->msrs;

	if (msrs->are_old)
		must_be_all(vcpu_ioctl(vm, vcpu, KVM_SET_MSRS, &msrs->new),
			    "KVM_SET_MSRS of MTRRs and PAT, to reset them");
	msrs->are_old = false;
}

bool vcpu_exception_waits(struct vm *vm, uint32_t vcpu)
{
	struct kvm_vcpu_events events;

	vcpu_ioctl(vm, vcpu, KVM_GET_VCPU_EVENTS, &events);
	return events.exception.injected || events.exception.pending;
}

/* A refusal is for the host, but some kernels tell the guest as well. */
struct answer kvmdrv_msr_write(struct vm *vm, const struct op_msr_write *op)
{
	struct vcpu *vcpu = vm->vcpus[op->vcpu];
	struct answer answer;

	vcpu_expect_wrmsr(vm, op->vcpu, op->msr);
	answer = answer_of_count(try_set_msr(vm, op->vcpu, op->msr, op->value));
	if (!answer.accepted && vcpu_exception_waits(vm, op->vcpu)) {
		vcpu->exception_may_wait = true;
		vm->grown = true;
	}
	return answer;
}

struct answer kvmdrv_msr_read(struct vm *vm, const struct op_msr_read *op)
{
	uint64_t value;
	int result = try_get_msr(vm, op->vcpu, op->msr, &value);
	struct answer answer = answer_of_count(result);

	answer.value = value;
	return answer;
}
