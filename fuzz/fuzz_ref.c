/* The model alone: what must hold of every expectation, and speed. */
#include <string.h>

#include "fuzz/session.h"
#include "ref/model.h"
#include "scenario/check.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected;
static struct model_setup setup;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *unknown;

	session_options(*argc, *argv);
	CHECK(errata_parse(&setup.errata, &unknown, "documented"));
	return 0;
}

/* An APIC in a mode that cannot be, or one that is off and was reached. */
static void check_state(const struct vcpu_state *want,
			const struct vcpu_state *care)
{
	CHECK(apic_mode(want->apicbase) != APIC_MODE_INVALID);
	CHECK(want->nmi_pending <= 2);
	CHECK(want->smi_pending <= 1);
	if (care->apic[APIC_REG_tmcct])
		CHECK(want->apic[APIC_REG_tmcct] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct observation *want = &expected.want;

	scenario_decode(&scenario, bytes, len);
	model_run(&expected, &scenario, &setup);
	CHECK(want->nr_steps == scenario.nr_ops + 1);
	for (uint32_t i = 0; i < want->nr_states; i++)
		check_state(&want->states[i], &expected.care.states[i]);
	return 0;
}
