/* The CPUID profiles. */
#include "scenario/cpuid.h"

#include <string.h>

#include "scenario/check.h"

#define EDX_80000001_LM (1u << 29)
#define EAX_80000008 (48u << 8 | MAXPHYADDR) /* bits of linear addresses */
#define INITIAL_APIC_ID_SHIFT 24
#define TOPOLOGY_SMT (1u << 8)

/*
 * An APIC with x2APIC, MTRRs and PAT, 36 bits of physical address, and what
 * long mode needs. No vendor's name.
 */
static const struct cpuid_leaf x2apic_profile[] = {
	{ .leaf = CPUID_BASIC, .regs[CPUID_EAX] = CPUID_TOPOLOGY },
	{ .leaf = CPUID_FEATURES,
	  .regs[CPUID_ECX] = CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE,
	  .regs[CPUID_EDX] = CPUID_1_EDX_MSR | CPUID_1_EDX_PAE |
			     CPUID_1_EDX_APIC | CPUID_1_EDX_MTRR |
			     CPUID_1_EDX_PAT },
	/* One thread a core; the second level is the one that there is not. */
	{ .leaf = CPUID_TOPOLOGY,
	  .has_subleaves = true,
	  .regs[CPUID_EBX] = 1,
	  .regs[CPUID_ECX] = TOPOLOGY_SMT },
	{ .leaf = CPUID_TOPOLOGY,
	  .subleaf = 1,
	  .has_subleaves = true,
	  .regs[CPUID_ECX] = 1 },
	{ .leaf = CPUID_EXTENDED, .regs[CPUID_EAX] = 0x80000008 },
	{ .leaf = 0x80000001, .regs[CPUID_EDX] = EDX_80000001_LM },
	{ .leaf = 0x80000008, .regs[CPUID_EAX] = EAX_80000008 },
};
_Static_assert(ARRAY_SIZE(x2apic_profile) <= CPUID_LEAVES_MAX, "room");

size_t cpuid_profile(struct cpuid_leaf out[CPUID_LEAVES_MAX],
		     enum cpuid profile, uint32_t vcpu_id)
{
	if (profile != CPUID_X2APIC)
		return 0;
	memcpy(out, x2apic_profile, sizeof(x2apic_profile));
	for (size_t i = 0; i < ARRAY_SIZE(x2apic_profile); i++) {
		if (out[i].leaf == CPUID_FEATURES)
			out[i].regs[CPUID_EBX] = (vcpu_id & 0xff)
						 << INITIAL_APIC_ID_SHIFT;
		if (out[i].leaf == CPUID_TOPOLOGY)
			out[i].regs[CPUID_EDX] = vcpu_id;
	}
	return ARRAY_SIZE(x2apic_profile);
}
