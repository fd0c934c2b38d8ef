/* A VMCB that the CPU refuses, and what KVM says of it in the kernel's log. */
#include "kvmdrv/vmcb_cr0.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PARAMETER "/sys/module/kvm_amd/parameters/dump_invalid_vmcb"

enum { RECORD_MAX = 8192, DIGITS = 16 };

static bool fails(char why[MEMORY_WHY_MAX], const char *what)
{
	snprintf(why, MEMORY_WHY_MAX, "%s: %s", what, strerror(errno));
	return false;
}

/* "PRIORITY,SEQUENCE,...;[kvm_amd: ]cr0:   0123456789abcdef ..." */
bool vmcb_cr0_parse(uint64_t *out, const char *record, size_t len)
{
	static const char name[] = "cr0:";
	const char *end = record + len;
	const char *at = memmem(record, len, name, sizeof(name) - 1);
	char digits[DIGITS + 1];

	if (!at || at == record || (at[-1] != ';' && at[-1] != ' '))
		return false;
	at += sizeof(name) - 1;
	while (at < end && *at == ' ')
		at++;
	if (end - at < DIGITS)
		return false;
	memcpy(digits, at, DIGITS);
	digits[DIGITS] = '\0';
	if (strspn(digits, "0123456789abcdef") != DIGITS ||
	    (at + DIGITS < end && isxdigit((unsigned char)at[DIGITS])))
		return false;
	*out = strtoull(digits, NULL, 16);
	return true;
}

/* The parameter's value before, a letter, and @value instead; 0: errno. */
static char set_parameter(char value)
{
	int fd = open(PARAMETER, O_RDWR | O_CLOEXEC);
	char before = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &before, 1, 0) != 1 || pwrite(fd, &value, 1, 0) != 1)
		before = 0;
	close(fd);
	return before;
}

/*
 * Run it with CS.L and CS.D, which the CPU refuses. One that does not would run
 * the INT3 at @breakpoint, and so exit.
 */
static bool be_refused(struct probe_guest *guest, char why[MEMORY_WHY_MAX],
		       uint64_t breakpoint)
{
	struct kvm_regs regs = { .rip = breakpoint, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) != 0 ||
	    ioctl(guest->vcpu, KVM_SET_REGS, &regs) != 0)
		return fails(why, "KVM_GET_SREGS, KVM_SET_REGS");
	sregs.cs.l = 1;
	sregs.cs.db = 1;
	if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) != 0)
		return fails(why, "KVM_SET_SREGS with CS.L and CS.D");
	if (ioctl(guest->vcpu, KVM_RUN, 0) != 0)
		return fails(why, "KVM_RUN with CS.L and CS.D");
	if (guest->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		return true;
	snprintf(why, MEMORY_WHY_MAX,
		 "a guest with CS.L and CS.D ran, up to exit %u",
		 guest->run->exit_reason);
	return false;
}

/* The one VMCB in what came to the log. */
static bool find(uint64_t *out, char why[MEMORY_WHY_MAX], int log)
{
	char record[RECORD_MAX];
	uint64_t cr0;
	int nr = 0;
	ssize_t len;

	/* EPIPE: records were overwritten before they were read. */
	while ((len = read(log, record, sizeof(record))) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		if (len < 0 || !vmcb_cr0_parse(&cr0, record, (size_t)len))
			continue;
		if (nr++ && cr0 != *out)
			nr = -RECORD_MAX;
		*out = cr0;
	}
	if (nr > 0)
		return true;
	snprintf(why, MEMORY_WHY_MAX, "the kernel's log has %s VMCB",
		 nr ? "more than one" : "no");
	return false;
}

bool vmcb_cr0_read(uint64_t *out, char why[MEMORY_WHY_MAX],
		   struct probe_guest *guest, uint64_t breakpoint)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool refused = false;
	char before;

	if (log < 0 || lseek(log, 0, SEEK_END) == (off_t)-1) {
		fails(why, "/dev/kmsg");
		goto out;
	}
	before = set_parameter('Y');
	if (!before) {
		fails(why, PARAMETER);
		goto out;
	}
	refused = be_refused(guest, why, breakpoint);
	/* Where this fails more is logged, no more than that. */
	(void)set_parameter(before);
	refused = refused && find(out, why, log);
out:
	if (log >= 0)
		close(log);
	return refused;
}
