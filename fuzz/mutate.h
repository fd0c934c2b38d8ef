/*
 * Mutation of scenarios, by ops and fields instead of bytes: what an engine's
 * own mutator would need many lucky steps for, such as two IDs that are equal
 * in their low 8 bits, is one step here.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/*
 * One to four random changes to the scenario that @bytes are. Returns the
 * length of the result; @cap must be SCENARIO_BYTES_MAX. Equal arguments give
 * equal results.
 */
size_t mutate_bytes(uint8_t *out, size_t cap, const uint8_t *bytes, size_t len,
		    uint64_t seed);

/* A scenario as an engine holds it. */
struct mutate_input {
	const uint8_t *bytes;
	size_t len;
};

/*
 * The scenario @a with ops of @b in it, and perhaps with its settings. The
 * rest is as above.
 */
size_t mutate_cross(uint8_t *out, size_t cap, struct mutate_input a,
		    struct mutate_input b, uint64_t seed);

#endif
