/*
 * What guests of the memory-type probe run, in ring 3: loads what it loaded
 * before, and how long that takes. RDI is the memory, a cycle of pointers, one
 * in each line of it; RSI is not 0 if they are flushed in between. The ticks are
 * in the first word after the memory.
 */
#include "kvmdrv/probe_memory_abi.h"

	.section .rodata, "a", @progbits

	.macro FLUSH
	mov %rdi, %rax
	lea MEMORY_SWEEP_SIZE(%rdi), %rdx
1:
	clflush (%rax)
	add $MEMORY_LINE, %rax
	cmp %rdx, %rax
	jb 1b
	mfence
	.endm

	/* Each load has the address of the next, so none is ahead. */
	.macro LOAD_ALL
	mov %rdi, %rax
1:
	mov (%rax), %rax
	cmp %rdi, %rax
	jne 1b
	.endm

	.macro TICKS to
	lfence
	rdtsc
	lfence
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, \to
	.endm

	.globl memory_sweep, memory_sweep_end
memory_sweep:
	/* Where caches are off, what is in them is still used. */
	FLUSH
	LOAD_ALL
	test %rsi, %rsi
	jz 2f
	FLUSH
2:
	TICKS %r8
	LOAD_ALL
	TICKS %r9
	sub %r8, %r9
	mov %r9, MEMORY_SWEEP_SIZE(%rdi)
	int3
memory_sweep_end:

	.section .note.GNU-stack, "", @progbits
