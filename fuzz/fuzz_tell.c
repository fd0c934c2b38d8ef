/*
 * Scenarios that tell: the model alone, at its speed, in the place of hosts.
 * What it keeps is a corpus for fuzz_diff.
 */
#include "fuzz/session.h"
#include "fuzz/tell.h"

/* libFuzzer takes what is not zero here as coverage. */
static uint8_t counters[TELL_COUNTERS]
	__attribute__((section("__libfuzzer_extra_counters")));

static struct scenario scenario;
static struct tell_workspace work;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	session_options(*argc, *argv);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	scenario_decode(&scenario, bytes, len);
	tell(counters, &scenario, session_errata(), &work);
	return 0;
}
