/*
 * What must not be run on this host: it is more than the host can do, it may
 * damage the host's kernel, or it would fill the kernel's log. Refusing is no
 * verdict: nothing was compared.
 */
#ifndef KVMDRV_DANGER_H
#define KVMDRV_DANGER_H

#include <stdint.h>

#include "kvmdrv/kvmdrv.h"
#include "scenario/scenario.h"

enum danger {
	DANGER_NONE,
	DANGER_LIMIT,  /* the host has fewer vCPUs, IDs, descriptors, quirks */
	DANGER_KERNEL, /* a known bug of this kernel */
	DANGER_LOG,    /* a line in the kernel's log each time */
	DANGERS
};

/* A kernel's version. A release candidate comes before its release. */
struct kernel_version {
	uint32_t major;
	uint32_t minor;
	uint32_t patch;
	uint32_t candidate; /* UINT32_MAX: a release */
};
#define KERNEL_RELEASE UINT32_MAX

/* From what `uname -r` says, such as 6.1.0-18-amd64; false: no version. */
bool kernel_version_parse(struct kernel_version *out, const char *release);

/* What a host can do, and which known bugs it has. */
struct danger_host {
	uint32_t vcpus_max;    /* in one VM */
	uint32_t vcpu_ids_max; /* vcpu_id is below */
	uint32_t quirks;       /* that can be turned off */
	bool tcg;	       /* it is a guest of QEMU, which emulates SVM */
	bool version_known;
	struct kernel_version version;
};

/* This host, by its capabilities and its limit of descriptors. */
void danger_host_here(struct danger_host *out, struct kvmdrv *drv);

/*
 * Must @s not run on @host? The answer is DANGER_LIMIT or DANGER_KERNEL, with
 * the reason in @out_reason, a sentence without its end; or DANGER_NONE.
 */
enum danger danger_check(struct kvmdrv_reason *out_reason,
			 const struct danger_host *host,
			 const struct scenario *s);

/* What is known of @host's kernel as such: a reason, or NULL. */
const char *danger_known(const struct danger_host *host);

/*
 * How many lines running @s may make the kernel log, each time and without a
 * limit on their rate. Who runs many scenarios bounds the sum.
 */
uint32_t danger_log_lines(const struct scenario *s);

#endif
