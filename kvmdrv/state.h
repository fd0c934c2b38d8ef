/* Private to kvmdrv/: the state of vCPUs, read and put back. */
#ifndef KVMDRV_STATE_H
#define KVMDRV_STATE_H

#include "kvmdrv/vm.h"

/*
 * Everything that is observed of a vCPU; all zero where it was refused.
 * @with_mp_state: read that too, first, which makes it take INIT and SIPI.
 */
void vcpu_read(struct vm *vm, uint32_t vcpu, bool with_mp_state,
	       struct vcpu_state *out);
/* Make @vm one that is kept: note what its vCPUs show, as they are new. */
void vm_keep(struct vm *vm);
/* Map the struct kvm_run of its vCPUs, from where some state is read faster. */
void vm_map_runs(struct vm *vm);
/* The same of one that is there and not mapped yet. */
void vcpu_map_run(struct vm *vm, uint32_t vcpu);
/* Put back what is not as it was new; @now is what each vCPU shows. */
void vm_reset(struct vm *vm, const struct vcpu_state *now);
/* Put back the pages that are still to be, before anything can see them. */
void vm_reset_pages(struct vm *vm);

#endif
