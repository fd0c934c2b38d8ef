/*
 * Private to kvmdrv/: what the driver and the guest program share. Commands
 * for a vCPU are on a stack, in a page of its own: the address of the code of
 * the first, then what it pops into registers, the code of the next, and so
 * on; the last one exits. So a command is few instructions, which counts where
 * each is emulated. Included by guest.S as well: numbers are macros.
 */
#ifndef KVMDRV_GUEST_ABI_H
#define KVMDRV_GUEST_ABI_H

#include "scenario/guest_memory.h"

/* The program's selector of all that is not code. */
#define GUEST_DS 0x10

/* Where things are in each page of the low megabyte. */
#define GUEST_ENTRY_IVT_NMI 0x08 /* where real mode looks for a handler */

/* Where things are above. */
#define GUEST_GDT 0x100000
#define GUEST_GDT_SIZE 40
#define GUEST_IDT32 0x101000
#define GUEST_IDT64 0x102000
#define GUEST_CODE 0x104000
#define GUEST_CODE_MAX 0x4000
#define GUEST_PML4 0x110000 /* then a PDPT, then page directories */
/*
 * For paging without long mode: a page directory, and in it, where nothing is
 * to be mapped, the four pointers of PAE paging. So one CR3 is good for both.
 */
#define GUEST_PD32 0x160000 /* then a page table for the lowest memory */
#define GUEST_PDPT_PAE (GUEST_PD32 + 0x20)
#define GUEST_PAGES 0x200000 /* of commands, one a vCPU */

/* Entry n of the IDT points at the n-th of these. */
#define GUEST_STUB_SIZE 10

/*
 * Reading the port asks where the stack is; a bit says in which mode to run.
 * Writing it says that all commands are done.
 */
#define GUEST_PORT 0xe0
#define GUEST_PORT_NOTHING 0xe4 /* an exit, and no more */
#define GUEST_LONG_MODE 1

/* struct guest_result, as offsets. */
#define GUEST_RESULT_TRAPPED 16
#define GUEST_RESULT_TRAP 20
#define GUEST_RESULT_RESUME 28

/* On one stack: those, and the exit. */
#define GUEST_COMMANDS_MAX 47
/* In a vCPU's page, where the stack begins. */
#define GUEST_STACK 512

#ifndef __ASSEMBLER__
#include <stdint.h>

/* What came of a command. */
struct guest_result {
	uint32_t value[4]; /* one value, its low half first; CPUID has four */
	uint32_t trapped;  /* not 0: there was an exception or interrupt */
	uint32_t trap[2];  /* its vector, and an error code if it has one */
	uint32_t resume;   /* the driver's: where the stack is then */
};

/* Of the stack: POPA takes it in protected mode, a POP each in long mode. */
struct guest_entry32 {
	uint32_t code;
	uint32_t edi; /* of the result */
	uint32_t esi, ebp, unused, ebx;
	uint32_t edx, ecx, eax;
};

struct guest_entry64 {
	uint64_t code;
	uint64_t rdi, rdx, rcx, rax;
};

struct guest_page {
	uint8_t below
		[GUEST_STACK]; /* for what is pushed before anything is popped */
	uint8_t stack[(GUEST_COMMANDS_MAX + 1) * sizeof(struct guest_entry64)];
	struct guest_result results[GUEST_COMMANDS_MAX];
	uint32_t mark; /* written by a command before one that may reset */
};
_Static_assert(sizeof(struct guest_page) <= 4096, "a page");

/* Where the page of a vCPU is. */
static inline uint32_t guest_page_address(uint32_t vcpu)
{
	return GUEST_PAGES + vcpu * 4096;
}
_Static_assert(sizeof(struct guest_entry32) <= sizeof(struct guest_entry64),
	       "room for either");
#endif

#endif
