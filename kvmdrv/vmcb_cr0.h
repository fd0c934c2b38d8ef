/*
 * Private to kvmdrv/ and its tests: CR0 in the VMCB, which is what the CPU runs
 * a guest of kvm_amd with. KVM prints the VMCB when the CPU refuses it, if its
 * parameter dump_invalid_vmcb is set, so the guest is given a code segment that
 * is both of 64 and of 32 bits. The parameter is put back.
 */
#ifndef KVMDRV_VMCB_CR0_H
#define KVMDRV_VMCB_CR0_H

#include "kvmdrv/probe_memory.h"
#include "kvmdrv/probe_guest.h"

/*
 * Of a guest that has run, and has an INT3 at @breakpoint; it cannot run
 * afterwards. False: @why has the reason.
 */
bool vmcb_cr0_read(uint64_t *out, char why[MEMORY_WHY_MAX],
		   struct probe_guest *guest, uint64_t breakpoint);

/* Pure: does the record of the kernel's log, of @len bytes, have it? */
bool vmcb_cr0_parse(uint64_t *out, const char *record, size_t len);

#endif
