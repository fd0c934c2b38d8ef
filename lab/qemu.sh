#!/bin/sh
# One run of a kernel under QEMU, which emulates SVM.
#
#   qemu.sh VMLINUZ INITRD DIR
#
# The contract of every emulator of the lab: runs in the foreground and ends
# when the guest turns itself off, or when it is killed. In DIR it leaves
#
#   console   COM1: the kernel's log
#   stderr    COM2: of the verb, as it comes
#   result    COM3: a line with a SHA-256, then a gzipped tar of that sum:
#             status, stdout, stderr, out/1, out/2...
#
# LAB_MEMORY is the machine's memory in MB.
set -eu

# On a busy host the kernel's check of its timer fails, and it panics. Without
# KVM's newer page tables VMs are made five times as fast here.
exec qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 1 \
	-m "${LAB_MEMORY:-1024}" -nodefaults -no-user-config -display none \
	-no-reboot -serial "file:$3/console" -serial "file:$3/stderr" \
	-serial "file:$3/result" -kernel "$1" -initrd "$2" \
	-append "console=ttyS0 panic=-1 no_timer_check kvm.tdp_mmu=0"
