/* The limit of open descriptors. */
#include "kvmdrv/descriptors.h"

#include <sys/resource.h>

/* Those of files, and of VMs that are being closed. */
enum { OTHERS = 128 };

/* No more are of use. */
enum { DESCRIPTORS_MAX = 1 << 20 };

void descriptors_share_out(struct descriptors *out)
{
	struct rlimit limit = { OTHERS, OTHERS };
	uint32_t rest;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0 &&
		    getrlimit(RLIMIT_NOFILE, &limit) != 0)
			limit.rlim_cur = OTHERS;
	}
	if (limit.rlim_cur > DESCRIPTORS_MAX)
		limit.rlim_cur = DESCRIPTORS_MAX;
	rest = limit.rlim_cur > OTHERS ? (uint32_t)limit.rlim_cur - OTHERS : 0;
	out->for_pool = rest / 2;
	out->for_one_vm = rest / 6;
}
