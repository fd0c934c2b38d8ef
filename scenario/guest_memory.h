/*
 * What both sides know of the guest program, which runs by=guest ops. It is in
 * the guest's memory and must not be covered by an APIC page: ops do not access
 * one there, nor in protected mode one beyond 4 GiB. Macros, as assembly reads this.
 */
#ifndef SCENARIO_GUEST_MEMORY_H
#define SCENARIO_GUEST_MEMORY_H

/* From 0 to here, and the page with the reset vector. */
#define GUEST_MEMORY_END 0x300000
#define GUEST_RESET_PAGE 0xfffff000

/* The code segment of a vCPU that runs it, in protected and in long mode. */
#define GUEST_CS32 0x08
#define GUEST_CS64 0x18

#endif
