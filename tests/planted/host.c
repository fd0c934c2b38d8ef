/*
 * A host that is not this one, for tests of the guard:
 *   KVMERRATA_RELEASE=6.3.0  what uname() says of the kernel's version
 *   KVMERRATA_HANG=1         an MSI with vector 0x99 takes for ever
 *   KVMERRATA_HANG=deaf      and no signal but SIGKILL ends it
 *   KVMERRATA_SLOW=1         every MSI takes a twentieth of a second
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/planted/planted.h"

enum { VECTOR_HANG = 0x99, SLOW_US = 50000 };

__attribute__((visibility("default"))) int uname(struct utsname *out)
{
	const char *release = getenv("KVMERRATA_RELEASE");
	int result = (int)syscall(SYS_uname, out);

	if (release && result == 0)
		snprintf(out->release, sizeof(out->release), "%s", release);
	return result;
}

void host_may_hang(const struct call *call)
{
	const char *hang = getenv("KVMERRATA_HANG");
	const struct kvm_msi *msi = call->argument;
	sigset_t all;

	if (getenv("KVMERRATA_SLOW") && call->request == KVM_SIGNAL_MSI)
		usleep(SLOW_US);
	if (!hang || call->request != KVM_SIGNAL_MSI ||
	    (msi->data & 0xff) != VECTOR_HANG)
		return;
	sigfillset(&all);
	if (!strcmp(hang, "deaf"))
		sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}
