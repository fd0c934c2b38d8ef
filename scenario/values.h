/* What fields and settings that are not numbers may be. Read by scenario.h. */
#ifndef SCENARIO_VALUES_H
#define SCENARIO_VALUES_H

enum agent { AGENT_HOST, AGENT_GUEST };
enum irqchip { IRQCHIP_SPLIT, IRQCHIP_FULL };
enum cpuid { CPUID_X2APIC, CPUID_NONE };
enum control { CONTROL_CR0, CONTROL_CR4, CONTROL_CR8, CONTROL_EFER };
enum guest { GUEST_PROTECTED, GUEST_LONG };

/* What a vCPU does or waits for: the numbers of KVM's API. */
enum mp_state {
	MP_STATE_RUNNABLE,
	MP_STATE_UNINITIALIZED,
	MP_STATE_INIT_RECEIVED,
	MP_STATE_HALTED,
	MP_STATE_SIPI_RECEIVED,
	MP_STATE_STOPPED,
};

enum cpuid_reg { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX, CPUID_REGS };

/* KVM_CAP_X2APIC_API, args[0]. */
#define X2APIC_API_USE_32BIT_IDS 1u
#define X2APIC_API_DISABLE_BROADCAST_QUIRK 2u

/* KVM_X86_QUIRK_*. */
#define QUIRK_LINT0_REENABLED (1u << 0)
#define QUIRK_CD_NW_CLEARED (1u << 1)
#define QUIRK_LAPIC_MMIO_HOLE (1u << 2)
#define QUIRK_STUFF_FEATURE_MSRS (1u << 8)
#define QUIRK_IGNORE_GUEST_PAT (1u << 9)

#endif
