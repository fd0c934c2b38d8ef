/*
 * What FNSTENV shows after a load that raises no exception, and the CPUID leaf
 * about it. A guest runs it in ring 3, where RSI is 0, and the host as a
 * function of it. RDI: a struct probe_x87_run (kvmdrv/probe_x87.c). The operand
 * is on the stack, whose segment has a selector everywhere.
 */
	.section .text
	.balign 16
	.globl probe_x87_code, probe_x87_code_end
	.type probe_x87_code, @function
probe_x87_code:
	push %rbx
	fninit
	fld1
	fstpl -16(%rsp)
	fninit
	fldl -16(%rsp)
	fnstenv (%rdi)
	fninit
	lea -16(%rsp), %rax
	mov %rax, 32(%rdi)
	mov $7, %eax
	xor %ecx, %ecx
	cpuid
	mov %ebx, 40(%rdi)
	pop %rbx
	test %rsi, %rsi
	jnz 1f
	int3
1:	ret
probe_x87_code_end:

	.section .note.GNU-stack, "", @progbits
