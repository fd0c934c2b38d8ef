/*
 * The guest program: starts in real mode, at the reset vector or where a SIPI
 * says, goes to protected or to long mode, and runs the commands of its vCPU
 * (kvmdrv/guest_abi.h). Never changed at run time. It does not spin: where
 * nothing is to do it exits by an OUT.
 */
#include "kvmdrv/guest_abi.h"

#define MSR_EFER 0xc0000080
#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR0_CD 0x40000000
#define CR0_NW 0x20000000
#define CR4_PAE 0x20
#define EFER_LME 0x100
#define EFER_LMA 0x400
#define SMM_CS 0x3000

/* Where a label of the code above the low megabyte is in the guest. */
#define AT(label) (label - guest_code + GUEST_CODE)

	.section .rodata, "a", @progbits

/*
 * From any mode with a code segment of 16 bits. Paging may be on if that is how
 * the vCPU was left. NW without CD, which KVM_SET_SREGS may have left, cannot
 * be written.
 */
	.macro to_protected_mode
	mov %cr0, %eax
	and $~CR0_PG, %eax
	or $CR0_PE, %eax
	test $CR0_CD, %eax
	jnz 1f
	and $~CR0_NW, %eax
1:	mov %eax, %cr0
	ljmpl $GUEST_CS32, $GUEST_CODE
	.endm

/*
 * A page of the low megabyte, whichever a SIPI names, and the one at the reset
 * vector. Page 0 has real mode's interrupt vectors as well.
 */
	.balign 16
	.globl guest_entry
guest_entry:
	.code16
	jmp entry_start
/* In the page where SMM begins this is copied over the first instruction. */
	.globl guest_entry_smm
guest_entry_smm:
	jmp . + (entry_smm - guest_entry)
	.org guest_entry + GUEST_ENTRY_IVT_NMI, 0x90
	.word entry_nmi - guest_entry, 0
entry_gdtr:
	.word GUEST_GDT_SIZE - 1
	.long GUEST_GDT
/* No IRET, as in guest_nmi below. A word is left on a stack that nothing needs. */
entry_nmi:
	lretw
entry_smm:
	mov %cr0, %eax
	test $CR0_PE, %al
	jnz entry_start
	mov %cs, %ax
	cmp $SMM_CS, %ax
	jne entry_start
	rsm
/* From below, in real mode: an exit, as the last thing. */
entry_done:
	out %eax, %dx
entry_start:
	cli
	mov %cr0, %eax
	test $CR0_PE, %al
	jnz entry_protected
	lgdtl entry_gdtr - guest_entry
entry_16bit:
	to_protected_mode
/*
 * A SIPI to a vCPU that no INIT came to leaves it in the mode that it was in,
 * with code of any size. To here the bytes mean the same in each; now MOV to AX
 * has two bytes of the constant less, and the jump, than MOV to EAX.
 */
entry_protected:
	.byte 0xb8, 0, 0
	jmp entry_16bit
	.code64
	ljmpl *AT(to_restart32)
	.code16
	.org guest_entry + 0xff0, 0x90
	jmp entry_start
	.org guest_entry + 0x1000, 0x90

	.globl guest_code
guest_code:
	.code32
	mov $GUEST_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	lidtl AT(idt32)
	mov $GUEST_PORT, %edx
	in %dx, %eax
	mov %eax, %esp
	and $~GUEST_LONG_MODE, %esp
	test $GUEST_LONG_MODE, %eax
	jnz to_long_mode
	ret
/* From here the driver starts it again, in whichever mode the host left. */
	.globl guest_restart32
guest_restart32:
restart32:
	ljmpl $GUEST_CS16, $(restart16 - guest_code)
	.code16
restart16:
	to_protected_mode
	.code32
to_long_mode:
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $GUEST_PML4, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	ljmpl $GUEST_CS64, $AT(start64)
	.code64
start64:
	lidtq AT(idt64)
	mov %esp, %esp
	ret
	.globl guest_restart64
guest_restart64:
	mov $GUEST_PORT, %edx
	in %dx, %eax
	mov %eax, %esp
	and $~GUEST_LONG_MODE, %esp
	test $GUEST_LONG_MODE, %eax
	jz 1f
	mov %cr0, %rax
	mov %rax, %cr0
	jmp start64
1:	ljmpl *AT(to_restart16)
to_restart32:
	.long AT(guest_restart32)
	.word GUEST_CS32
to_restart16:
	.long restart16 - guest_code
	.word GUEST_CS16

	.balign 8
idt32:
	.word 256 * 8 - 1
	.long GUEST_IDT32
	.balign 8
idt_real:
	.word 256 * 4 - 1
	.long 0
	.balign 8
idt64:
	.word 256 * 16 - 1
	.quad GUEST_IDT64

/* A command begins: all registers from the stack. */
	.macro begin bits, name
	.globl guest_\name\bits
guest_\name\bits:
	.if \bits == 32
	popal
	.else
	pop %rdi
	pop %rdx
	pop %rcx
	pop %rax
	.endif
	.endm

	.macro commands bits, ax, cx, dx, di, sp
begin \bits, exit
	mov %\di, %\sp
	out %eax, %dx
	ret
begin \bits, mmio_read
	mov (%\dx), %eax
	mov %eax, (%\di)
	ret
begin \bits, mmio_write
	mov %eax, (%\dx)
	ret
begin \bits, rdmsr
	rdmsr
	mov %eax, (%\di)
	mov %edx, 4(%\di)
	ret
begin \bits, wrmsr
	wrmsr
	ret
begin \bits, cr0_read
	mov %cr0, %\ax
	mov %\ax, (%\di)
	ret
begin \bits, cr4_read
	mov %cr4, %\ax
	mov %\ax, (%\di)
	ret
begin \bits, cr4_write
	mov %\ax, %cr4
	ret
begin \bits, cpuid
	cpuid
	mov %eax, (%\di)
	mov %ebx, 4(%\di)
	mov %ecx, 8(%\di)
	mov %edx, 12(%\di)
	ret
begin \bits, hlt
	hlt
	ret
/* The OUT is for interrupts after an NMI; see below. */
begin \bits, sti_hlt
	sti
	hlt
	out %eax, %dx
	cli
	ret
/* KVM's emulator may forget to look for interrupts until there is an exit. */
begin \bits, interrupts
	sti
	nop
	out %eax, %dx
	cli
	ret

/* The vector is on the stack, and above it perhaps an error code. */
trapped\bits:
	pop %\ax
	mov %eax, GUEST_RESULT_TRAP(%\di)
	pop %\ax
	mov %eax, GUEST_RESULT_TRAP + 4(%\di)
	mov %esp, GUEST_RESULT_TRAPPED(%\di)
	mov GUEST_RESULT_RESUME(%\di), %esp
	ret

/* PUSH of the vector, JMP: of GUEST_STUB_SIZE, whatever the vector is. */
	.globl guest_stubs\bits
guest_stubs\bits:
	.set vector, 0
	.rept 256
	.byte 0x68
	.long vector
	.byte 0xe9
	.long trapped\bits - . - 4
	.set vector, vector + 1
	.endr
	.endm

	.code32
	commands 32, eax, ecx, edx, edi, esp
/*
 * What comes of it may be any mode, so page tables are ready, it is done from a
 * segment of 16 bits, which all modes have, and nothing follows: the exit is
 * right there, with an IDT and room on the stack for an NMI that comes meanwhile,
 * and then the program starts again.
 */
begin 32, cr0_write
	and $~0xfff, %esp
	or $GUEST_STACK, %esp
	mov %eax, %ebx
	mov %edx, %ebp
	mov $GUEST_PDPT_PAE, %esi
	rdmsr
	test $EFER_LME, %eax
	jz 1f
	mov $GUEST_PML4, %esi
1:	mov %esi, %cr3
	ljmpl $GUEST_CS16, $(2f - guest_code)
	.code16
2:	mov %ebx, %cr0
	jmp 3f
3:	mov %cr0, %eax
	test $CR0_PE, %eax
	jz 5f
	rdmsr
	test $EFER_LMA, %eax
	jz 4f
	mov $AT(idt64), %edi
	lidtl (%edi)
4:	mov %ebp, %edx
	out %eax, %dx
	to_protected_mode
5:	mov $AT(idt_real), %edi
	lidtl (%edi)
	mov %ebp, %edx
	ljmpw $0, $(entry_done - guest_entry)
	.code32
/*
 * Back without an IRET, which KVM's emulator knows in real mode only. So NMIs
 * are blocked from then on.
 * Nor is there a way back to a code segment that a SIPI made, whose selector is
 * none: all that the program has done there is to start.
 */
	.globl guest_nmi32
guest_nmi32:
	testl $0xff, 4(%esp)
	jz 1f
	pushl 8(%esp)
	popfl
	lretl $4
1:	pushl 8(%esp)
	popfl
	jmp restart32

	.code64
	commands 64, rax, rcx, rdx, rdi, rsp
begin 64, cr0_write
	mov %rax, %cr0
	ret
begin 64, cr8_read
	mov %cr8, %rax
	mov %rax, (%rdi)
	ret
begin 64, cr8_write
	mov %rax, %cr8
	ret
	.globl guest_nmi64
guest_nmi64:
	pushq 16(%rsp)
	popfq
	cmpw $GUEST_CS64, 8(%rsp)
	jne 1f
	mov (%rsp), %r8
	mov 24(%rsp), %rsp
	jmp *%r8
/* The code of 16 bits was at its exit, and is on its way to protected mode. */
1:	ljmpl *AT(to_restart16)

	.globl guest_code_end
guest_code_end:

	.section .note.GNU-stack, "", @progbits
