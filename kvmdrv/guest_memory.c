/* What is in the guest's memory: the program, and what a CPU needs to run it. */
#include "kvmdrv/guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scenario/check.h"

/* In guest.S: a page of the low megabyte, and the code above. */
extern const uint8_t guest_entry[], guest_entry_smm[];
extern const uint8_t guest_code[], guest_code_end[];
extern const uint8_t guest_nmi32[], guest_stubs32[], guest_restart32[];
extern const uint8_t guest_nmi64[], guest_stubs64[], guest_restart64[];

#define COMMAND(ID, name) \
	extern const uint8_t guest_##name##32 [], guest_##name##64 [];
#define COMMAND64(ID, name) extern const uint8_t guest_##name##64 [];
#include "kvmdrv/guest_commands.def"

/* NULL: there is none. */
static const struct {
	const uint8_t *protected_mode, *long_mode;
} codes[] = {
#define COMMAND(ID, name) [GUEST_##ID] = { guest_##name##32, guest_##name##64 },
#define COMMAND64(ID, name) [GUEST_##ID] = { NULL, guest_##name##64 },
#include "kvmdrv/guest_commands.def"
};

enum {
	PAGE = 0x1000,
	LOW_MEMORY = 0x100000, /* that SIPIs reach */
	SMM_PAGE = 0x38000,    /* where SMM begins after a reset */
	VECTOR_NMI = 2,
};

#define LARGE_PAGE (1ull << 21)
#define MAPPED (1ull << 36) /* as much as the CPUID profile has */
#define PTE_PRESENT 0x1ull
#define PTE_TABLE 0x23ull /* present, writable, accessed */
#define PTE_PAGE 0x63u	  /* and dirty */
#define PTE_LARGE 0xe3ull /* and dirty, large */

static const uint64_t gdt[] = {
	[GUEST_CS32 / 8] = 0x00cf9b000000ffff,
	[GUEST_DS / 8] = 0x00cf93000000ffff,
	[GUEST_CS64 / 8] = 0x00af9b000000ffff,
	[GUEST_CS16 / 8] = 0x00009b000000ffff | (uint64_t)GUEST_CODE << 16,
};

static void fill_low_memory(uint8_t *memory)
{
	for (uint32_t at = 0; at < LOW_MEMORY; at += PAGE)
		memcpy(memory + at, guest_entry, PAGE);
	memcpy(memory + SMM_PAGE, guest_entry_smm,
	       (size_t)(guest_entry_smm - guest_entry));
}

static uint32_t address_in_guest(const uint8_t *code)
{
	return GUEST_CODE + (uint32_t)(code - guest_code);
}

/* An interrupt gate of 64 bits; a long one has the rest of the offset too. */
static uint64_t gate(uint64_t offset, uint64_t selector)
{
	return (offset & 0xffff) | selector << 16 | 0x8e00ull << 32 |
	       offset >> 16 << 48;
}

static void fill_idts(uint8_t *memory)
{
	uint64_t *idt32 = (uint64_t *)(memory + GUEST_IDT32);
	uint64_t *idt64 = (uint64_t *)(memory + GUEST_IDT64);

	for (uint32_t vector = 0; vector < 256; vector++) {
		uint32_t stub = vector * GUEST_STUB_SIZE;

		idt32[vector] = gate(address_in_guest(guest_stubs32 + stub),
				     GUEST_CS32);
		idt64[2 * vector] = gate(address_in_guest(guest_stubs64 + stub),
					 GUEST_CS64);
	}
	idt32[VECTOR_NMI] = gate(address_in_guest(guest_nmi32), GUEST_CS32);
	idt64[2 * VECTOR_NMI] = gate(address_in_guest(guest_nmi64), GUEST_CS64);
}

/* Linear addresses are physical ones. */
static void fill_page_tables(uint8_t *memory)
{
	uint64_t *pml4 = (uint64_t *)(memory + GUEST_PML4);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;

	pml4[0] = (GUEST_PML4 + PAGE) | PTE_TABLE;
	for (uint64_t at = 0; at < MAPPED; at += LARGE_PAGE) {
		uint64_t i = at / LARGE_PAGE;

		pdpt[i / 512] = (GUEST_PML4 + (2 + i / 512) * PAGE) | PTE_TABLE;
		pd[i] = at | PTE_LARGE;
	}
	CHECK((const uint8_t *)&pd[MAPPED / LARGE_PAGE] <= memory + GUEST_PD32);
}

/*
 * The same without long mode, for as long as it takes to turn it off again: of
 * 32-bit paging what the program needs.
 */
static void fill_legacy_page_tables(uint8_t *memory)
{
	uint32_t *pd = (uint32_t *)(memory + GUEST_PD32);
	uint64_t *pdpt = (uint64_t *)(memory + GUEST_PDPT_PAE);
	uint32_t *table = pd + 1024;

	pd[0] = (GUEST_PD32 + PAGE) | PTE_TABLE;
	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i * PAGE | PTE_PAGE;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (GUEST_PML4 + (2 + i) * PAGE) | PTE_PRESENT;
}

int guest_memory_make(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	uint8_t *memory;

	if (fd < 0 || ftruncate(fd, GUEST_MEMORY_END) != 0)
		return -errno;
	memory = mmap(NULL, GUEST_MEMORY_END, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	fill_low_memory(memory);
	CHECK(guest_code_end - guest_code <= GUEST_CODE_MAX);
	_Static_assert(sizeof(gdt) == GUEST_GDT_SIZE, "as guest.S has it");
	memcpy(memory + GUEST_CODE, guest_code,
	       (size_t)(guest_code_end - guest_code));
	memcpy(memory + GUEST_GDT, gdt, sizeof(gdt));
	fill_idts(memory);
	fill_page_tables(memory);
	fill_legacy_page_tables(memory);
	munmap(memory, GUEST_MEMORY_END);
	return fd;
}

uint32_t guest_address(enum guest_code code, bool long_mode)
{
	const uint8_t *at = long_mode ? codes[code].long_mode :
					codes[code].protected_mode;

	return at ? address_in_guest(at) : 0;
}

uint32_t guest_restart_address(bool long_mode)
{
	return address_in_guest(long_mode ? guest_restart64 : guest_restart32);
}
