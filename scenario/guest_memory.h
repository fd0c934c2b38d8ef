/*
 * What both sides know of the guest program, which runs by=guest ops. It is in
 * the guest's memory and must not be covered by an APIC page: ops do not access
 * one there, nor in protected mode one beyond 4 GiB; nor the IOAPIC where such a
 * page covers it. Macros, as assembly reads this.
 */
#ifndef SCENARIO_GUEST_MEMORY_H
#define SCENARIO_GUEST_MEMORY_H

/* From 0 to here, and the page with the reset vector. */
#define GUEST_MEMORY_END 0x300000
#define GUEST_RESET_PAGE 0xfffff000

/*
 * The code segment of a vCPU that runs it, in protected and in long mode; and
 * after a MOV to CR0 in protected mode, until it runs again: one of 16 bits, or
 * what is left of one in real mode.
 */
#define GUEST_CS32 0x08
#define GUEST_CS64 0x18
#define GUEST_CS16 0x20
#define GUEST_CS_REAL 0

/* Is it one of them? */
#define GUEST_IS_CS(cs)                                                    \
	((cs) == GUEST_CS32 || (cs) == GUEST_CS64 || (cs) == GUEST_CS16 || \
	 (cs) == GUEST_CS_REAL)

#endif
