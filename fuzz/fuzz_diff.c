/* The main job: the same scenario on the model and on a real VM. */
#include "fuzz/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	session_options(*argc, *argv);
	session_open_kvm();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	session_compare(bytes, len);
	return 0;
}
