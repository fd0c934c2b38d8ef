/* Nothing at all: what the engine alone costs, for `bench` to compare with. */
#include "fuzz/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	return 0;
}
