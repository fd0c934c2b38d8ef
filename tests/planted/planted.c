/* ioctl(), and the choice of the fault. */
#include "tests/planted/planted.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct fault {
	const char *name;
	const char *subject;
	const char *text;
	unsigned long request;
	int (*act)(struct call *call);
	int (*act_on_message)(struct call *call, struct message *m);
} faults[] = {
#define MESSAGE(name, subject, text) \
	{ #name, subject, text, 0, NULL, planted_##name },
#define CALL(name, request, subject, text) \
	{ #name, subject, text, request, planted_##name, NULL },
#include "tests/planted/faults.def"
};
enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static const struct fault *chosen;

static void list(void)
{
	for (size_t i = 0; i < FAULTS; i++)
		printf("%s\t%s\t%s\n", faults[i].name, faults[i].subject,
		       faults[i].text);
	fflush(stdout);
	_exit(0);
}

__attribute__((constructor)) static void choose(void)
{
	const char *name = getenv("KVMERRATA_FAULT");

	if (!name)
		return;
	if (!strcmp(name, "list"))
		list();
	for (size_t i = 0; i < FAULTS; i++)
		if (!strcmp(faults[i].name, name))
			chosen = &faults[i];
	if (chosen)
		return;
	fprintf(stderr, "KVMERRATA_FAULT: no fault '%s'\n", name);
	_exit(2);
}

int call_pass(const struct call *call)
{
	return (int)syscall(SYS_ioctl, call->fd, call->request, call->argument);
}

int call_refuse(int error)
{
	errno = error;
	return -1;
}

int do_quiet_ioctl(int fd, unsigned long request, unsigned long argument)
{
	int error = errno;
	long result;

	do
		result = syscall(SYS_ioctl, fd, request, argument);
	while (result < 0 && errno == EINTR);
	errno = error;
	return (int)result;
}

struct kvm_msr_entry *call_msr(const struct call *call)
{
	return ((struct kvm_msrs *)call->argument)->entries;
}

static bool is_chosen(const struct call *call)
{
	bool is_message = call->request == KVM_SIGNAL_MSI ||
			  call->request == KVM_SET_MSRS;

	return chosen && call->vm &&
	       (chosen->act ? chosen->request == call->request : is_message);
}

static int act(struct call *call)
{
	struct message message;

	if (chosen->act)
		return chosen->act(call);
	if (message_decode(&message, call))
		return chosen->act_on_message(call, &message);
	return call_pass(call);
}

/* Like KVM: one after the other, up to the first that is refused. */
static int act_on_msrs(struct call *call)
{
	const struct kvm_msrs *all = call->argument;
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) +
			     sizeof(struct kvm_msr_entry)];
	} one;

	call->argument = &one;
	for (uint32_t i = 0; i < all->nmsrs; i++) {
		int result;

		memset(&one, 0, sizeof(one));
		one.msrs.nmsrs = 1;
		one.msrs.entries[0] = all->entries[i];
		result = act(call);
		if (result != 1)
			return i ? (int)i : result;
	}
	return (int)all->nmsrs;
}

/* What the caller's argument points to stays as it is. */
static int act_on_copy(struct call *call)
{
	union {
		uint64_t align;
		uint8_t room[sizeof(struct kvm_lapic_state)];
	} copy;

	if (call->request == KVM_SET_MSRS)
		return act_on_msrs(call);
	if (_IOC_DIR(call->request) == _IOC_WRITE) {
		memcpy(&copy, call->argument, _IOC_SIZE(call->request));
		call->argument = &copy;
	}
	return act(call);
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request,
						 ...)
{
	struct call call = { .fd = fd, .request = request };
	struct call seen;
	va_list args;
	int result, error;

	va_start(args, request);
	call.argument = va_arg(args, void *);
	va_end(args);
	host_may_hang(&call);
	machines_find(&call);
	seen = call;
	result = is_chosen(&call) ? act_on_copy(&call) : call_pass(&call);
	error = errno;
	machines_note(&seen, result);
	errno = error;
	return result;
}
