/* libFuzzer's hook for mutators. One in eight is left to its own, on bytes. */
#include "fuzz/mutate.h"

#include <string.h>

#include "scenario/scenario.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t cap);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t cap,
			       unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t cap,
			       unsigned int seed)
{
	static uint8_t mutated[SCENARIO_BYTES_MAX];
	size_t mutated_len;

	if (seed % 8 == 0)
		return LLVMFuzzerMutate(bytes, len, cap);
	mutated_len = mutate_bytes(mutated, sizeof(mutated), bytes, len, seed);
	if (mutated_len > cap)
		return LLVMFuzzerMutate(bytes, len, cap);
	memcpy(bytes, mutated, mutated_len);
	return mutated_len;
}
