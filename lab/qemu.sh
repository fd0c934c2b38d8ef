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
#   result    COM4: a line with a SHA-256, then a gzipped tar of that sum:
#             status, stdout, stderr, out/1, out/2...
#
# Where DIR/com2.in is a pipe, a line in it asks the verb to end (SIGTERM); what
# it gave until then is the result. An emulator need not have that.
# LAB_MEMORY is the machine's memory in MB.
set -eu

mkfifo "$3/com2.in"
: >"$3/stderr"
ln -s stderr "$3/com2.out"
com2=$(printf '%s' "$3/com2" | sed 's/,/,,/g')

# On a busy host the kernel's check of its timer fails, and it panics. Without
# KVM's newer page tables VMs are made five times as fast here.
exec qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 1 \
	-m "${LAB_MEMORY:-1024}" -nodefaults -no-user-config -display none \
	-no-reboot -chardev "pipe,id=com2,path=$com2" \
	-serial "file:$3/console" -serial chardev:com2 -serial null \
	-serial "file:$3/result" -kernel "$1" -initrd "$2" \
	-append "console=ttyS0 panic=-1 no_timer_check kvm.tdp_mmu=0"
