/* The end of a process that found a mistake of ours. */
#include "scenario/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "BUG: %s:%d: CHECK(%s) failed\n", file, line,
		condition);
	abort();
}
