/*
 * AFL++'s hooks for mutators, in a shared library that afl-fuzz loads
 * (AFL_CUSTOM_MUTATOR_LIBRARY). What AFL++ hands over of its own is not used.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate.h"
#include "scenario/scenario.h"

enum {
	/*
	 * Of an input of the queue, until the next one's turn. AFL++ would
	 * make thousands, which is minutes where each is run on a VM.
	 */
	MUTANTS = 8,
	/* One on top of the other, as libFuzzer has it. */
	ROUNDS_MAX = 4,
};

struct afl_mutator {
	uint64_t seed;
	uint8_t before[SCENARIO_BYTES_MAX];
	uint8_t mutated[SCENARIO_BYTES_MAX];
};

void *afl_custom_init(void *afl, unsigned int seed);
void afl_custom_deinit(void *data);
unsigned int afl_custom_fuzz_count(void *data, const uint8_t *bytes,
				   size_t len);
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t len, uint8_t **out,
		       uint8_t *add, size_t add_len, size_t cap);

void *afl_custom_init(void *afl, unsigned int seed)
{
	struct afl_mutator *mutator = calloc(1, sizeof(*mutator));

	(void)afl;
	if (mutator)
		mutator->seed = (uint64_t)seed << 32;
	return mutator;
}

void afl_custom_deinit(void *data)
{
	free(data);
}

unsigned int afl_custom_fuzz_count(void *data, const uint8_t *bytes, size_t len)
{
	(void)data;
	(void)bytes;
	(void)len;
	return MUTANTS;
}

/* @add is another input of the queue: one mutant in five starts as a cross. */
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t len, uint8_t **out,
		       uint8_t *add, size_t add_len, size_t cap)
{
	struct afl_mutator *m = data;
	struct mutate_input one = { bytes, len }, other = { add, add_len };
	uint64_t number = m->seed / ROUNDS_MAX;
	uint64_t rounds = 1 + number % ROUNDS_MAX;

	for (uint64_t i = 0; i < rounds; i++) {
		if (!i && add && number % 5 == 0)
			one.len = mutate_cross(m->mutated, sizeof(m->mutated),
					       one, other, m->seed);
		else
			one.len = mutate_bytes(m->mutated, sizeof(m->mutated),
					       one.bytes, one.len, m->seed);
		memcpy(m->before, m->mutated, one.len);
		one.bytes = m->before;
		m->seed++;
	}
	m->seed += ROUNDS_MAX - rounds;
	*out = m->mutated;
	return one.len <= cap ? one.len : cap;
}
