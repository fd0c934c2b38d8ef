/*
 * Where the guest of a probe ends up when its code in ring 3 has an exception,
 * of which INT3 is how it ends. One stub a vector, all of the same length.
 */
#include "kvmdrv/probe_guest_abi.h"

	.section .rodata, "a", @progbits
	.balign 16
	.globl probe_guest_stubs, probe_guest_stubs_end
probe_guest_stubs:
	.set vector, 0
	.rept PROBE_GUEST_VECTORS
	.balign PROBE_GUEST_STUB_SIZE, 0x90
	mov $vector, %eax
	out %eax, $PROBE_GUEST_PORT
	hlt
	.set vector, vector + 1
	.endr
	.balign PROBE_GUEST_STUB_SIZE, 0x90
probe_guest_stubs_end:

	.section .note.GNU-stack, "", @progbits
