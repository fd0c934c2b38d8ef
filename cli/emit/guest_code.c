/* Text, not code, as in includes.c: what the guest of a program executes. */
/*% guest_start guest_do */
/*
 * The guest. It starts in real mode, at the
 * reset vector or where a SIPI says, goes to protected mode, and executes the
 * instruction that its VMM names in the mailbox. Then, or when there was an
 * exception, it exits by an OUT.
 */
#define STR_(x) #x
#define STR(x) STR_(x)

/* Where things are in the guest's memory. */
#define GUEST_BOOT_PAGES 0x100000 /* all below: a SIPI may name any of them */
#define GUEST_GDT 0x100000
#define GUEST_IDT32 0x101000
#define GUEST_IDT64 0x102000
#define GUEST_MAILBOX 0x103000
#define GUEST_STACK_TOP 0x104000
#define GUEST_CODE 0x104000
#define GUEST_MEMORY_END 0x300000
#define GUEST_RESET_PAGE 0xfffff000 /* has the reset vector */
#define PAGE_SIZE 0x1000

#define GUEST_CS32 0x08 /* flat, as are the next two */
#define GUEST_DS 0x10
#define GUEST_CS64 0x18
#define GUEST_CS16 0x20 /* the code below from its beginning */
#define SMM_CS 0x3000	/* where SMM begins; it ends at once */
#define CR0_PE 0x1
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
/*%protected guest_start guest_do */
#define GUEST_CS GUEST_CS32
#define GUEST_IDT GUEST_IDT32
#define GATE_SIZE 8
#define AX "%eax"
#define DI "%edi"
/*%long guest_start guest_do */
#define GUEST_CS GUEST_CS64
#define GUEST_IDT GUEST_IDT64
#define GATE_SIZE 16
#define AX "%rax"
#define DI "%rdi"
/*% CR4_PAE */
#define CR4_PAE 0x20
/*% EFER_LME */
#define EFER_LME 0x100
/*% EFER_LMA */
#define EFER_LMA 0x400
/*% GUEST_PML4 */
#define GUEST_PML4 0x110000 /* then a PDPT, then page directories */
/*% GUEST_PD32 GUEST_PDPT_PAE */
#define GUEST_PD32 0x160000 /* then a page table */
#define GUEST_PDPT_PAE 0x160020
/*% write_page_tables */
#define GUEST_MAPPED (1ull << 36)
#define LARGE_PAGE (1ull << 21)
#define PTE_LARGE 0xe3 /* present, writable, accessed, dirty, large */
/*% write_page_tables write_legacy_page_tables */
#define PTE_TABLE 0x23
/*% write_legacy_page_tables */
#define PTE_PAGE 0x63
#define PTE_PRESENT 0x1
/*% guest_start guest_do */

/* Ports: it has started, it has done, or it only wants to exit. */
#define PORT_STARTED 0xe0
#define PORT_DONE 0xe1
#define PORT_EXIT 0xe2

/* The mailbox. */
#define AT_NEXT 0x103000   /* where the instruction is that comes next */
#define AT_VECTOR 0x103004 /* of an exception or interrupt */
#define AT_ERROR_CODE 0x103008
#define AT_EAX 0x10300c
#define AT_EBX 0x103010
#define AT_ECX 0x103014
#define AT_EDX 0x103018
#define AT_WIDE 0x103020 /* an address, or a control register */
struct mailbox {
	uint32_t next, vector, error_code, eax, ebx, ecx, edx;
	uint64_t wide;
};
#define NO_VECTOR 256

/* Entry N of the IDT leads to the N-th of these. */
#define STUB_SIZE 16

/* The address in the guest of a label of the code below. */
#define AT(label) "(" #label " - guest_code + " STR(GUEST_CODE) ")"

extern const char guest_boot[], guest_code[], guest_code_end[];
extern const char guest_done[], guest_nmi[], guest_nmi64[], guest_stubs[];

/*% */
/* clang-format off */
/*% guest_start guest_do */
/*
 * From code of 16 bits in any mode, perhaps with paging. NW without CD, which
 * KVM_SET_SREGS may have left, cannot be written.
 */
#define TO_PROTECTED_MODE \
	"	mov	%cr0, %eax\n" \
	"	and	$~" STR(CR0_PG) ", %eax\n" \
	"	or	$" STR(CR0_PE) ", %eax\n" \
	"	test	$" STR(CR0_CD) ", %eax\n" \
	"	jnz	9f\n" \
	"	and	$~" STR(CR0_NW) ", %eax\n" \
	"9:	mov	%eax, %cr0\n" \
	"	ljmpl	$" STR(GUEST_CS32) ", $" STR(GUEST_CODE) "\n"

__asm__(".section .rodata\n"
	/* Every page of the low megabyte, and the one with the reset vector. */
	"guest_boot:\n"
	"	.code16\n"
	"	jmp	guest_boot_start\n"
	/* Page 0 is real mode's vector table, too: what an NMI finds there. */
	"	.org	guest_boot + 4 * 2, 0x90\n"
	"	.word	guest_boot_nmi - guest_boot, 0\n"
	"guest_boot_gdtr:\n"
	"	.word	5 * 8 - 1\n"
	"	.long	" STR(GUEST_GDT) "\n"
	/* Back from an NMI without an IRET, as from one in protected mode. */
	"guest_boot_nmi:\n"
	"	lretw\n"
/*%protected code_write_cr0 */
	"guest_boot_done:\n"
	"	out	%eax, $" STR(PORT_DONE) "\n"
/*% guest_start guest_do */
	"guest_boot_start:\n"
	"	cli\n"
	"	mov	%cr0, %eax\n"
	"	test	$" STR(CR0_PE) ", %al\n"
	"	jnz	2f\n"
	"	mov	%cs, %ax\n"
	"	cmp	$" STR(SMM_CS) ", %ax\n"
	"	jne	1f\n"
	"	rsm\n"
	"1:	lgdtl	guest_boot_gdtr - guest_boot\n"
	"guest_boot_16bit:\n"
	TO_PROTECTED_MODE
	/*
	 * A SIPI without INIT leaves the mode as it was, and the bytes so far
	 * mean the same in any. Now in code of 32 or 64 bits the jump is part
	 * of the MOV.
	 */
	"2:	.byte	0xb8, 0, 0\n" /* mov $0, %ax */
	"	jmp	guest_boot_16bit\n"
	"	.code64\n"
	"	ljmpl	*" AT(guest_to_again32) "\n"
	"	.code16\n"
	"	.org	guest_boot + 0xff0, 0x90\n"
	"	jmp	guest_boot\n"
	"	.org	guest_boot + 0x1000, 0x90\n"

	"guest_code:\n"
	"	.code32\n"
	"	mov	$" STR(GUEST_DS) ", %eax\n"
	"	mov	%eax, %ds\n"
	"	mov	%eax, %es\n"
	"	mov	%eax, %ss\n"
	"	lidtl	" AT(guest_idtr32) "\n"
	"	mov	$" STR(GUEST_STACK_TOP) ", %esp\n"
/*%long guest_start guest_do */
	"	mov	%cr4, %eax\n"
	"	or	$" STR(CR4_PAE) ", %eax\n"
	"	mov	%eax, %cr4\n"
	"	mov	$" STR(GUEST_PML4) ", %eax\n"
	"	mov	%eax, %cr3\n"
	"	mov	$" STR(MSR_EFER) ", %ecx\n"
	"	rdmsr\n"
	"	or	$" STR(EFER_LME) ", %eax\n"
	"	wrmsr\n"
	"	mov	%cr0, %eax\n"
	"	or	$" STR(CR0_PG) ", %eax\n"
	"	mov	%eax, %cr0\n"
	"	ljmpl	$" STR(GUEST_CS64) ", $" AT(guest_long) "\n"
/*%protected guest_start guest_do */
	"	jmp	guest_started\n"
/*% guest_start guest_do */
	/* Where it starts again in protected mode, with or without paging. */
	"guest_again32:\n"
	"	ljmpl	$" STR(GUEST_CS16) ", $(guest_again16 - guest_code)\n"
	"	.code16\n"
	"guest_again16:\n"
	TO_PROTECTED_MODE
	"guest_to_again32:\n"
	"	.long	" AT(guest_again32) "\n"
	"	.word	" STR(GUEST_CS32) "\n"
	"guest_to_again16:\n"
	"	.long	guest_again16 - guest_code\n"
	"	.word	" STR(GUEST_CS16) "\n"
	"guest_idtr32:\n"
	"	.word	256 * 8 - 1\n"
	"	.long	" STR(GUEST_IDT32) "\n"
	"guest_idtr64:\n"
	"	.word	256 * 16 - 1\n"
	"	.quad	" STR(GUEST_IDT64) "\n"
	"guest_idtr_real:\n"
	"	.word	256 * 4 - 1\n"
	"	.long	0\n"
/*%protected guest_again64 */
	/* And where in long mode. */
	"	.code64\n"
	"guest_again64:\n"
	"	ljmpl	*" AT(guest_to_again16) "\n"
/*%long guest_start guest_do */
	"	.code64\n"
	"guest_again64:\n"
	"	mov	%cr0, %rax\n"
	"	mov	%rax, %cr0\n"
	"guest_long:\n"
	"	lidtq	" AT(guest_idtr64) "\n"
	"	mov	$" STR(GUEST_STACK_TOP) ", %esp\n"
/*%protected guest_start guest_do */
	"	.code32\n"
/*% guest_start guest_do */
	"guest_started:\n"
	"	out	%eax, $" STR(PORT_STARTED) "\n"
	"guest_next:\n"
	"	mov	" STR(AT_NEXT) ", %edi\n"
	"	movl	$" AT(guest_done) ", " STR(AT_NEXT) "\n"
	"	mov	" STR(AT_EAX) ", %eax\n"
	"	mov	" STR(AT_ECX) ", %ecx\n"
	"	mov	" STR(AT_EDX) ", %edx\n"
	"	jmp	*" DI "\n"
	"guest_done:\n"
	"	mov	%eax, " STR(AT_EAX) "\n"
	"	mov	%edx, " STR(AT_EDX) "\n"
	"	mov	$" STR(GUEST_STACK_TOP) ", %esp\n"
	"	out	%eax, $" STR(PORT_DONE) "\n"
	"	jmp	guest_next\n"
/*% code_nothing */
	"code_nothing:\n"
	"	jmp	guest_done\n"
/*% code_rdmsr */
	"code_rdmsr:\n"
	"	rdmsr\n"
	"	jmp	guest_done\n"
/*% code_wrmsr */
	"code_wrmsr:\n"
	"	wrmsr\n"
	"	jmp	guest_done\n"
/*% code_read */
	"code_read:\n"
	"	mov	" STR(AT_WIDE) ", " DI "\n"
	"	mov	(" DI "), %eax\n"
	"	jmp	guest_done\n"
/*% code_write */
	"code_write:\n"
	"	mov	" STR(AT_WIDE) ", " DI "\n"
	"	mov	%eax, (" DI ")\n"
	"	jmp	guest_done\n"
/*% code_cpuid */
	"code_cpuid:\n"
	"	cpuid\n"
	"	mov	%ebx, " STR(AT_EBX) "\n"
	"	mov	%ecx, " STR(AT_ECX) "\n"
	"	jmp	guest_done\n"
/*% code_read_cr0 */
	"code_read_cr0:\n"
	"	mov	%cr0, " AX "\n"
	"	mov	" AX ", " STR(AT_WIDE) "\n"
	"	jmp	guest_done\n"
/*% code_read_cr4 */
	"code_read_cr4:\n"
	"	mov	%cr4, " AX "\n"
	"	mov	" AX ", " STR(AT_WIDE) "\n"
	"	jmp	guest_done\n"
/*% code_write_cr4 */
	"code_write_cr4:\n"
	"	mov	" STR(AT_WIDE) ", " AX "\n"
	"	mov	" AX ", %cr4\n"
	"	jmp	guest_done\n"
/*%long code_read_cr8 */
	"code_read_cr8:\n"
	"	mov	%cr8, %rax\n"
	"	mov	%rax, " STR(AT_WIDE) "\n"
	"	jmp	guest_done\n"
/*%long code_write_cr8 */
	"code_write_cr8:\n"
	"	mov	" STR(AT_WIDE) ", %rax\n"
	"	mov	%rax, %cr8\n"
	"	jmp	guest_done\n"
/*%long code_write_cr0 */
	"code_write_cr0:\n"
	"	mov	" STR(AT_WIDE) ", %rax\n"
	"	mov	%rax, %cr0\n"
	"	jmp	guest_done\n"
/*%protected code_write_cr0 */
	/*
	 * What comes of it may be any mode. So page tables are ready, it is
	 * done from a segment of 16 bits, which all modes have, and the exit is
	 * right there, with an IDT for an NMI that comes meanwhile.
	 */
	"code_write_cr0:\n"
	"	mov	$" STR(GUEST_PDPT_PAE) ", %esi\n"
	"	mov	$" STR(MSR_EFER) ", %ecx\n"
	"	rdmsr\n"
	"	test	$" STR(EFER_LME) ", %eax\n"
	"	jz	1f\n"
	"	mov	$" STR(GUEST_PML4) ", %esi\n"
	"1:	mov	%esi, %cr3\n"
	"	mov	" STR(AT_WIDE) ", %ebx\n"
	"	ljmpl	$" STR(GUEST_CS16) ", $(2f - guest_code)\n"
	"	.code16\n"
	"2:	mov	%ebx, %cr0\n"
	"	jmp	3f\n"
	"3:	mov	%cr0, %eax\n"
	"	test	$" STR(CR0_PE) ", %eax\n"
	"	jz	5f\n"
	"	rdmsr\n"
	"	test	$" STR(EFER_LMA) ", %eax\n"
	"	jz	4f\n"
	"	mov	$" AT(guest_idtr64) ", %edi\n"
	"	lidtl	(%edi)\n"
	"4:	out	%eax, $" STR(PORT_DONE) "\n"
	TO_PROTECTED_MODE
	"5:	mov	$" AT(guest_idtr_real) ", %edi\n"
	"	lidtl	(%edi)\n"
	"	ljmpw	$0, $(guest_boot_done - guest_boot)\n"
	"	.code32\n"
/*% code_halt */
	"code_halt:\n"
	"	sti\n"
	"	hlt\n"
	"	out	%eax, $" STR(PORT_EXIT) "\n" /* as below */
	"	cli\n"
	"	jmp	guest_done\n"
/*% code_interrupt */
	/* KVM's emulator may not look for interrupts until there is an exit. */
	"code_interrupt:\n"
	"	sti\n"
	"	nop\n"
	"	out	%eax, $" STR(PORT_EXIT) "\n"
	"	cli\n"
	"	jmp	guest_done\n"
/*% guest_start guest_do */
	/* KVM's emulator has no IRET here; so NMIs stay blocked. */
/*%protected guest_start guest_do */
	"guest_nmi:\n"
	/* A code segment that a SIPI made: it has only begun to start. */
	"	testl	$0xff, 4(%esp)\n"
	"	jz	1f\n"
	"	pushl	8(%esp)\n"
	"	popfl\n"
	"	lretl	$4\n"
	"1:	pushl	8(%esp)\n"
	"	popfl\n"
	"	jmp	guest_again32\n"
	"	.code64\n"
/*%long guest_start guest_do */
	"guest_nmi:\n"
/*% guest_start guest_do */
	"guest_nmi64:\n"
	"	pushq	16(%rsp)\n"
	"	popfq\n"
	"	cmpw	$" STR(GUEST_CS64) ", 8(%rsp)\n"
	"	jne	1f\n"
	"	mov	(%rsp), %r8\n"
	"	mov	24(%rsp), %rsp\n"
	"	jmp	*%r8\n"
	/* At its exit in code of 16 bits. */
	"1:	ljmpl	*" AT(guest_to_again16) "\n"
/*%protected guest_start guest_do */
	"	.code32\n"
/*% guest_start guest_do */
	/* The vector is on the stack, and above it perhaps an error code. */
	"guest_trapped:\n"
	"	pop	" AX "\n"
	"	mov	%eax, " STR(AT_VECTOR) "\n"
	"	pop	" AX "\n"
	"	mov	%eax, " STR(AT_ERROR_CODE) "\n"
	"	jmp	guest_done\n"
	"	.balign	16\n"
	"guest_stubs:\n"
	"	.set	vector, 0\n"
	"	.rept	256\n"
	"	push	$vector\n"
	"	jmp	guest_trapped\n"
	"	.balign	16\n"
	"	.set	vector, vector + 1\n"
	"	.endr\n"
	"guest_code_end:\n"
	"	.code64\n"
	"	.text\n");
/*% */
/* clang-format on */

/*% */
