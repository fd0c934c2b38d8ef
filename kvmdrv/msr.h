/*
 * Private to kvmdrv/: the MSRs of vCPUs that are kept, which are put back after
 * a scenario that wrote them.
 */
#ifndef KVMDRV_MSR_H
#define KVMDRV_MSR_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Those of msrs.def that can be written. */
enum {
	MSRS_WRITABLE = 0
#define MSR(number, name) +1
#include "scenario/msrs.def"
};

/* In the form that KVM wants a list of them. */
union msr_list {
	struct kvm_msrs msrs;
	uint8_t room[sizeof(struct kvm_msrs) +
		     MSRS_WRITABLE * sizeof(struct kvm_msr_entry)];
};

/* Of a vCPU that is kept. */
struct vcpu_msrs {
	bool known;	    /* what they were when it was new */
	bool are_old;	    /* some may have been written since */
	union msr_list new; /* what they were */
};

/*
 * MSR @msr of @vcpu is about to be written: the first time, what is to be put
 * back is noted.
 */
void vcpu_expect_wrmsr(struct vm *vm, uint32_t vcpu, uint32_t msr);
/* Has KVM queued an exception for @vcpu? */
bool vcpu_exception_waits(struct vm *vm, uint32_t vcpu);
/* Those of a vCPU of @to become those of the same one of @from. */
void vcpu_copy_msrs(struct vm *to, struct vm *from, uint32_t vcpu);
/* Put back what was written. */
void vcpu_reset_msrs(struct vm *vm, uint32_t vcpu);

#endif
