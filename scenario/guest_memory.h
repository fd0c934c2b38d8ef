/*
 * Where the guest program is. It runs by=guest ops, and must not be covered by
 * an APIC page: ops do not access one there. Macros, as assembly reads this.
 */
#ifndef SCENARIO_GUEST_MEMORY_H
#define SCENARIO_GUEST_MEMORY_H

/* From 0 to here, and the page with the reset vector. */
#define GUEST_MEMORY_END 0x300000
#define GUEST_RESET_PAGE 0xfffff000

#endif
