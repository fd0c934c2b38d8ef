/* CR0, CR4, CR8 and EFER, by the host. */
#include <stddef.h>

#include "kvmdrv/vm.h"
#include "scenario/guest_memory.h"
#include "scenario/x86.h"

/* The field of @sregs that is @reg. */
static __u64 *control_in(struct kvm_sregs *sregs, enum control reg)
{
	switch (reg) {
	case CONTROL_CR0:
		return &sregs->cr0;
	case CONTROL_CR4:
		return &sregs->cr4;
	case CONTROL_CR8:
		return &sregs->cr8;
	case CONTROL_EFER:
		break;
	}
	return &sregs->efer;
}

enum { SEGMENT_DATA = 3, SEGMENT_CODE = 11 };

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool flat)
{
	return (struct kvm_segment){ .limit = flat ? UINT32_MAX : 0xffff,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .s = 1,
				     .db = flat,
				     .g = flat };
}

/* As after a reset. */
static void set_real_mode(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	sregs->cs = segment(CS_SELECTOR_RESET, SEGMENT_CODE, false);
	sregs->cs.base = 0xffff0000;
	sregs->ds = segment(0, SEGMENT_DATA, false);
	sregs->idt = (struct kvm_dtable){ .limit = 0xffff };
	regs->rip = RIP_RESET;
}

static void set_program_mode(struct kvm_sregs *sregs, struct kvm_regs *regs,
			     uint32_t vcpu)
{
	bool active = sregs->efer & EFER_LMA;

	sregs->cs =
		segment(active ? GUEST_CS64 : GUEST_CS32, SEGMENT_CODE, true);
	sregs->cs.l = active;
	sregs->cs.db = !active;
	sregs->ds = segment(GUEST_DS, SEGMENT_DATA, true);
	sregs->gdt = (struct kvm_dtable){ .base = GUEST_GDT,
					  .limit = GUEST_GDT_SIZE - 1 };
	sregs->idt = active ? (struct kvm_dtable){ .base = GUEST_IDT64,
						   .limit = 256 * 16 - 1 } :
			      (struct kvm_dtable){ .base = GUEST_IDT32,
						   .limit = 256 * 8 - 1 };
	/* An NMI may come first. */
	regs->rsp =
		guest_page_address(vcpu) + offsetof(struct guest_page, stack);
	regs->rip = guest_restart_address(active);
}

/*
 * What the guest program starts with in the mode that @sregs has, whatever it
 * was in before; page tables are ready for any paging. False: it is in real
 * mode and never ran, so it is as it should be.
 */
static bool set_start(struct kvm_sregs *sregs, struct kvm_regs *regs,
		      uint32_t vcpu)
{
	sregs->cr3 = sregs->efer & EFER_LME ? GUEST_PML4 : GUEST_PDPT_PAE;
	if (sregs->cr0 & CR0_PE)
		set_program_mode(sregs, regs, vcpu);
	else if (GUEST_IS_CS(sregs->cs.selector))
		set_real_mode(sregs, regs);
	else
		return false;
	regs->rflags = RFLAGS_RESET;
	sregs->es = sregs->ds;
	sregs->ss = sregs->ds;
	return true;
}

struct answer kvmdrv_control_write(struct vm *vm,
				   const struct op_control_write *op)
{
	struct kvm_sregs sregs, now;
	struct kvm_regs regs;
	struct answer answer;
	bool starts;

	/* Its last exit still needs the registers as they are. */
	if (vm->vcpus[op->vcpu]->has_run)
		vcpu_settle(vm, op->vcpu);
	vcpu_ioctl(vm, op->vcpu, KVM_GET_SREGS, &sregs);
	vcpu_ioctl(vm, op->vcpu, KVM_GET_REGS, &regs);
	*control_in(&sregs, (enum control)op->reg) = op->value;
	starts = set_start(&sregs, &regs, op->vcpu);
	answer = answer_of_call(
		try_vcpu_ioctl(vm, op->vcpu, KVM_SET_SREGS, &sregs));
	if (!answer.accepted)
		return answer;
	if (starts)
		vcpu_ioctl(vm, op->vcpu, KVM_SET_REGS, &regs);
	vcpu_ioctl(vm, op->vcpu, KVM_GET_SREGS, &now);
	/* Taken and not done: nobody knows what else became of it. */
	vm->grown |= now.cr0 != sregs.cr0 || now.cr4 != sregs.cr4 ||
		     now.cr8 != sregs.cr8 || now.efer != sregs.efer;
	return answer;
}

struct answer kvmdrv_control_read(struct vm *vm,
				  const struct op_control_read *op)
{
	struct kvm_sregs sregs;

	vcpu_ioctl(vm, op->vcpu, KVM_GET_SREGS, &sregs);
	return (struct answer){
		.accepted = 1,
		.value = *control_in(&sregs, (enum control)op->reg),
	};
}
