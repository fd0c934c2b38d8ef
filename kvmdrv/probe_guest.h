/*
 * Private to kvmdrv/: a VM of its own whose one vCPU runs a piece of code in
 * ring 3, in long mode, with memory for its results. For probes: where KVM
 * emulates ring 0, what the CPU does shows there only. Nothing here ends the
 * process, and a run takes a bounded time.
 *
 *	struct probe_guest guest;
 *
 *	if (probe_guest_open(&guest, out, drv, 1 << 20)) {
 *		...ioctls on guest.vm and guest.vcpu, guest.cr0 |= ...
 *		if (probe_guest_run(&guest, out, &code))
 *			...results in guest.data
 *	}
 *	probe_guest_close(&guest);
 */
#ifndef KVMDRV_PROBE_GUEST_H
#define KVMDRV_PROBE_GUEST_H

#include <linux/kvm.h>

#include "kvmdrv/probe.h"

/* Where things are in the guest. Linear addresses are physical ones. */
enum {
	PROBE_GUEST_PML4 = 0x8000, /* then a PDPT, and a PD: 2 MiB pages */
	PROBE_GUEST_CODE = 0x10000,
	PROBE_GUEST_STACK = 0x30000, /* its end */
	PROBE_GUEST_DATA = 0x200000,
	PROBE_GUEST_MAPPED = 0x40000000, /* from 0 */
	/* Selectors that the code has. */
	PROBE_GUEST_CS = 0x1b,
	PROBE_GUEST_DS = 0x23,
};

struct probe_guest {
	struct kvmdrv *drv;
	int vm, vcpu; /* descriptors */
	struct kvm_run *run;
	uint8_t *memory; /* from address 0 */
	size_t memory_size;
	uint8_t *data; /* at PROBE_GUEST_DATA */
	/* Of runs from now on: */
	uint64_t cr0;
	uint32_t patience_ms;
};

/*
 * A new VM, with an APIC, CPUID as KVM_GET_SUPPORTED_CPUID has it, and
 * @data_size bytes at PROBE_GUEST_DATA, zeroed. False: @out has the reason. To
 * be closed either way.
 */
bool probe_guest_open(struct probe_guest *guest, struct probe_found *out,
		      struct kvmdrv *drv, size_t data_size);
void probe_guest_close(struct probe_guest *guest);

/* Code that does not depend on where it is, and ends by an INT3. */
struct probe_code {
	const uint8_t *begin, *end;
	uint64_t argument; /* in RSI; RDI is PROBE_GUEST_DATA */
};

/*
 * Run it. False: @out has the reason, which may be an exception. Can be called
 * again: all registers are set, memory stays as it is.
 */
bool probe_guest_run(struct probe_guest *guest, struct probe_found *out,
		     const struct probe_code *code);

#endif
