/* What every test program includes: cmocka and what it wants before it. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/check.h"
#include "scenario/scenario.h"

/* xorshift64: @state must not be 0. */
static inline uint64_t test_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A scenario from a text that must be good. */
static inline void test_parse(struct scenario *out, const char *text)
{
	struct text_error error;

	if (!scenario_parse(out, &error, text))
		fail_msg("%d:%d: %s in\n%s", error.line, error.column,
			 error.message, text);
}

/* Skip with a reason that the summary shows; fail if KVM is demanded. */
#define test_skip(reason)                                        \
	do {                                                     \
		if (getenv("KVMERRATA_REQUIRE_KVM"))             \
			fail_msg("KVM is required: %s", reason); \
		printf("# SKIP-REASON: %s\n", reason);           \
		skip();                                          \
	} while (0)

#endif
