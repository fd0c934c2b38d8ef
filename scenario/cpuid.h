/*
 * What KVM_SET_CPUID2 gives each new vCPU, by the setting `cpuid`. It is part
 * of the scenario: the driver sets it, and the model knows it.
 */
#ifndef SCENARIO_CPUID_H
#define SCENARIO_CPUID_H

#include <stdbool.h>
#include <stddef.h>

#include "scenario/scenario.h"

enum { CPUID_LEAVES_MAX = 8 };

/*
 * Guest MAXPHYADDR: what leaf 80000008 says in the profile, and what KVM takes
 * where CPUID says nothing.
 */
enum { MAXPHYADDR = 36 };

/* One leaf, or one subleaf of a leaf that has some. */
struct cpuid_leaf {
	uint32_t leaf;
	uint32_t subleaf;
	bool has_subleaves;
	uint32_t regs[CPUID_REGS];
};

/* Bits of leaf 1: ECX, then EDX. */
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_OSXSAVE (1u << 27)
#define CPUID_1_EDX_MSR (1u << 5)
#define CPUID_1_EDX_PAE (1u << 6)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_MTRR (1u << 12)
#define CPUID_1_EDX_PAT (1u << 16)

/* The leaf with the highest number of each range, and leaf 1. */
#define CPUID_BASIC 0u
#define CPUID_FEATURES 1u
#define CPUID_TOPOLOGY 0xbu
#define CPUID_XSAVE 0xdu
#define CPUID_EXTENDED 0x80000000u

/*
 * The leaves of @profile for the vCPU with this vcpu_id: how many. None: there
 * is to be no call.
 */
size_t cpuid_profile(struct cpuid_leaf out[CPUID_LEAVES_MAX],
		     enum cpuid profile, uint32_t vcpu_id);

#endif
