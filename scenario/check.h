/* CHECK: a mistake of ours ends the process, in every build. */
#ifndef SCENARIO_CHECK_H
#define SCENARIO_CHECK_H

#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define CHECK(condition) \
	((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* Prints the condition and where it stands to stderr, and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
