/*
 * Numbers of the machine, as the manuals name them: MSRs, the layout of the
 * local APIC's registers, of its commands and of message signalled interrupts.
 * Facts only; what follows from them is in ref/.
 */
#ifndef SCENARIO_X86_H
#define SCENARIO_X86_H

#include <stdint.h>

#include "scenario/x86_control.h"

/* Code segment, instruction pointer and flags after reset and INIT. */
#define CS_SELECTOR_RESET 0xf000u
#define RIP_RESET 0xfff0u
#define RFLAGS_RESET 2u

#define MSR_IA32_APIC_BASE 0x1bu
/* MSR_pat and so on: those of msrs.def. */
enum msr {
#define MSR(number, name) MSR_##name = number,
#define MSR_READ_ONLY(number, name) MSR_##name = number,
#define MSR_ABSENT(number, name) MSR_##name = number,
#include "scenario/msrs.def"
};

#define MSR_X2APIC_BASE 0x800u /* MSR of register slot 0 */

#define MSR_EFER 0xc0000080u

/* IA32_APIC_BASE. */
#define APICBASE_BSP (1ull << 8)
#define APICBASE_EXTD (1ull << 10)
#define APICBASE_EN (1ull << 11)
#define APICBASE_ADDRESS_DEFAULT 0xfee00000ull

/* Slots of the APIC page, 16 bytes each: APIC_REG_svr is 0x0f, and so on. */
enum apic_reg {
#define REG(slot, name) APIC_REG_##name = slot,
#define REG_READ_ONLY(slot, name) APIC_REG_##name = slot,
#include "scenario/apic_regs.def"
};

#define APIC_REGS 64u

#define XAPIC_ID_SHIFT 24 /* in the ID register and in LDR */
#define DFR_FLAT 0xffffffffu
#define DFR_CLUSTER 0x0fffffffu
#define SVR_ENABLE (1u << 8)
#define SVR_SUPPRESS_EOI_BROADCAST (1u << 12)
#define LVT_MASKED (1u << 16)
#define LVT_EXTINT 0x700u /* delivery mode ExtINT, vector 0 */
#define ESR_SEND_ILLEGAL_VECTOR (1u << 5)
#define ESR_RECEIVE_ILLEGAL_VECTOR (1u << 6)
#define ESR_ILLEGAL_REGISTER (1u << 7)
/* Vectors below it are illegal for fixed interrupts. */
#define VECTOR_FIRST_LEGAL 16u

#define XAPIC_BROADCAST 0xffu
#define X2APIC_BROADCAST 0xffffffffu

/* Interrupt command register, low half. */
#define ICR_VECTOR_MASK 0xffu
#define ICR_DELIVERY_SHIFT 8
#define ICR_DELIVERY_MASK 7u
#define ICR_LOGICAL (1u << 11)
#define ICR_BUSY (1u << 12)
#define ICR_ASSERT (1u << 14)
#define ICR_LEVEL (1u << 15)
#define ICR_SHORTHAND_SHIFT 18
#define ICR_SHORTHAND_MASK 3u
#define ICR_RESERVED 0xfff32000u

/* Message signalled interrupts: the address, then the data. */
#define MSI_DEST_SHIFT 12
#define MSI_DEST_MASK 0xffu
#define MSI_LOGICAL (1u << 2)
#define MSI_REDIRECTION_HINT (1u << 3)
#define MSI_VECTOR_MASK 0xffu
#define MSI_DELIVERY_SHIFT 8
#define MSI_ASSERT (1u << 14)
#define MSI_LEVEL (1u << 15)

/*
 * Inputs of the interrupt controllers that a full irqchip has: GSI n is pin n of
 * the IOAPIC and, below 16, of the two PICs.
 */
#define IOAPIC_PINS 24u
#define PIC_PINS 16u
#define RTC_PIN 8u

/* Where a guest finds the IOAPIC: a register's number, then its value. */
#define IOAPIC_ADDRESS 0xfec00000ull
#define IOAPIC_SELECT 0x00u
#define IOAPIC_WINDOW 0x10u
/* Its registers. An entry of the redirection table is two of them. */
#define IOAPIC_REG_ID 0x00u
#define IOAPIC_REG_VERSION 0x01u
#define IOAPIC_REG_ARBITRATION 0x02u
#define IOAPIC_REG_ENTRY 0x10u
#define IOAPIC_REGS (IOAPIC_REG_ENTRY + 2 * IOAPIC_PINS)
#define IOAPIC_ID_MASK 0xfu
#define IOAPIC_ID_SHIFT 24
/* An entry; vector, delivery mode and logical are where ICR has them. */
#define REDIRECTION_STATUS (1u << 12)
#define REDIRECTION_REMOTE_IRR (1u << 14)
#define REDIRECTION_LEVEL (1u << 15)
#define REDIRECTION_MASKED (1u << 16)
#define REDIRECTION_DEST_SHIFT 56

enum delivery {
	DELIVERY_FIXED,
	DELIVERY_LOWEST,
	DELIVERY_SMI,
	DELIVERY_RESERVED,
	DELIVERY_NMI,
	DELIVERY_INIT,
	DELIVERY_SIPI,
	DELIVERY_EXTINT,
};

enum shorthand {
	SHORTHAND_NONE,
	SHORTHAND_SELF,
	SHORTHAND_ALL,
	SHORTHAND_ALL_BUT_SELF,
};

/* The mode of a local APIC: bits 11:10 of IA32_APIC_BASE. */
enum apic_mode {
	APIC_MODE_OFF,
	APIC_MODE_INVALID,
	APIC_MODE_XAPIC,
	APIC_MODE_X2APIC,
};

static inline enum apic_mode apic_mode(uint64_t apicbase)
{
	return (enum apic_mode)(apicbase >> 10 & 3);
}

#endif
