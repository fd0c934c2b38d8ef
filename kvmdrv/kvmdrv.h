/*
 * The driver: runs a scenario on a real VM and writes down what KVM answers.
 * It holds no expected values and judges nothing.
 */
#ifndef KVMDRV_KVMDRV_H
#define KVMDRV_KVMDRV_H

#include "scenario/observation.h"
#include "scenario/scenario.h"

struct kvmdrv;

enum { KVMDRV_REASON_MAX = 256 };

/* What is missing, and what to do about it. */
struct kvmdrv_reason {
	char text[KVMDRV_REASON_MAX];
};

/*
 * Open @device, normally KVMDRV_DEVICE. A VM belongs to the process that
 * created it: open after fork(). On failure returns -errno and gives the
 * reason: no such device, no permission, a capability that the driver needs.
 */
int kvmdrv_open(struct kvmdrv **out, struct kvmdrv_reason *reason,
		const char *device);
#define KVMDRV_DEVICE "/dev/kvm"

/*
 * Run @s, in SCHEDULE_FAST on a VM that may have run others. A call that must
 * succeed and does not is the host's or our failure: a HARNESS line on stderr,
 * and the process exits with KVMDRV_EXIT_HARNESS.
 */
void kvmdrv_run(struct kvmdrv *drv, struct observation *out,
		const struct scenario *s, enum schedule schedule);
enum { KVMDRV_EXIT_HARNESS = 3 };

void kvmdrv_close(struct kvmdrv *drv);

/*
 * Write down the ioctls of all runs from now on, or no longer, and issue again
 * what was written down: how many there were. Only runs on VMs that were there
 * before, and are kept, can be repeated like that; build them by running the
 * same scenarios before.
 */
void kvmdrv_record(struct kvmdrv *drv, bool on);
size_t kvmdrv_replay(struct kvmdrv *drv);

/* One capability of the host; the value is KVM_CHECK_EXTENSION's. */
struct kvmdrv_capability {
	const char *name;
	bool needed; /* the driver does not work without */
	int value;
};
enum { KVMDRV_CAPABILITIES = 10 };

/* What the host of an open driver offers. */
void kvmdrv_capabilities(struct kvmdrv *drv,
			 struct kvmdrv_capability out[KVMDRV_CAPABILITIES]);

#endif
