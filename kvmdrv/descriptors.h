/*
 * Private to kvmdrv/: how many descriptors there are for VMs and vCPUs. A vCPU
 * is one.
 */
#ifndef KVMDRV_DESCRIPTORS_H
#define KVMDRV_DESCRIPTORS_H

#include <stdint.h>

struct descriptors {
	uint32_t for_one_vm; /* of a scenario; three may be there at once */
	uint32_t for_pool;   /* of the VMs that wait to be used again */
};

/* Raises the process's limit as far as it goes. */
void descriptors_share_out(struct descriptors *out);

#endif
