/*
 * What the memory-type probe and its code in the guest agree on. Macros, as
 * assembly reads this.
 */
#ifndef KVMDRV_PROBE_MEMORY_ABI_H
#define KVMDRV_PROBE_MEMORY_ABI_H

#define MEMORY_LINE 64
/* What is swept: less than any first-level cache. */
#define MEMORY_SWEEP_SIZE 0x4000

#endif
