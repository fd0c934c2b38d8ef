/* The same scenario alone and beside vCPUs that must not matter to it. */
#include "fuzz/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	session_options(*argc, *argv);
	session_open_kvm();
	session_use_twins();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	session_compare_twin(bytes, len);
	return 0;
}
