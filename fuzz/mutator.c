/*
 * libFuzzer's hooks for mutators. One mutation in 16 is left to its own, on
 * bytes.
 */
#include "fuzz/mutate.h"

#include <string.h>

#include "scenario/scenario.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t cap);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t cap,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t cap, unsigned int seed);

static uint8_t mutated[SCENARIO_BYTES_MAX];

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t cap,
			       unsigned int seed)
{
	size_t mutated_len;

	if (seed % 16 == 0)
		return LLVMFuzzerMutate(bytes, len, cap);
	mutated_len = mutate_bytes(mutated, sizeof(mutated), bytes, len, seed);
	if (mutated_len > cap)
		return LLVMFuzzerMutate(bytes, len, cap);
	memcpy(bytes, mutated, mutated_len);
	return mutated_len;
}

/*
 * libFuzzer would cross as often as it mutates. 0 tells it to choose again, so
 * that one change in five is a crossing.
 */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t cap, unsigned int seed)
{
	const struct mutate_input first = { a, a_len }, second = { b, b_len };
	size_t len;

	if (seed % 4 != 0)
		return 0;
	len = mutate_cross(mutated, sizeof(mutated), first, second, seed);
	if (len > cap)
		return 0;
	memcpy(out, mutated, len);
	return len;
}
