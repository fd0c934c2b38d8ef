/* The host guard, as seen from the command. */
#include "cli/guarded.h"

#include <stdio.h>

#include "kvmdrv/danger.h"

/* More than the timeout: engines look at it every so often only. */
enum { TIMES_THE_TIMEOUT = 2, AND_SECONDS = 10 };

bool has_stalled(struct stall *stall, const struct fuzz_stats *stats,
		 long timeout)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!stats || stats->beats != stall->beats || !stall->since) {
		stall->beats = stats ? stats->beats : 0;
		stall->since = now.tv_sec;
		return false;
	}
	if (stall->said || now.tv_sec - stall->since <
				   TIMES_THE_TIMEOUT * timeout + AND_SECONDS)
		return false;
	stall->said = true;
	fprintf(stderr,
		"HARNESS: nothing has run for %ld s: the target hangs, and "
		"is being killed\n",
		(long)(now.tv_sec - stall->since));
	return true;
}

void refusals_print(const struct fuzz_stats *stats)
{
	static const char *const reasons[DANGERS] = {
		[DANGER_LIMIT] = "more than this host has room for",
		[DANGER_KERNEL] = "may damage this kernel (--dangerous)",
		[DANGER_LOG] = "would fill the kernel's log (--dangerous)",
	};

	for (int i = 0; i < DANGERS; i++)
		if (reasons[i] && stats->refused[i])
			printf("not run: %llu scenarios: %s\n",
			       (unsigned long long)stats->refused[i],
			       reasons[i]);
}
