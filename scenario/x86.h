/*
 * Numbers of the machine, as the manuals name them: MSRs, the layout of the
 * local APIC's registers, of its commands and of message signalled interrupts.
 * Facts only; what follows from them is in ref/.
 */
#ifndef SCENARIO_X86_H
#define SCENARIO_X86_H

#include <stdint.h>

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

/* Control registers. */
#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR4_VME (1ull << 0)
#define CR4_PVI (1ull << 1)
#define CR4_TSD (1ull << 2)
#define CR4_DE (1ull << 3)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_MCE (1ull << 6)
#define CR4_PGE (1ull << 7)
#define CR4_PCE (1ull << 8)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP (1ull << 11)
#define CR4_LA57 (1ull << 12)
#define CR4_VMXE (1ull << 13)
#define CR4_FSGSBASE (1ull << 16)
#define CR4_PCIDE (1ull << 17)
#define CR4_OSXSAVE (1ull << 18)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define CR4_PKE (1ull << 22)
#define CR4_CET (1ull << 23)
#define EFER_SCE (1ull << 0)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)
#define EFER_SVME (1ull << 12)

/* Memory types, as MTRRs and PAT have them; UC- is PAT's only. */
enum memtype {
	MEMTYPE_UC = 0,
	MEMTYPE_WC = 1,
	MEMTYPE_WT = 4,
	MEMTYPE_WP = 5,
	MEMTYPE_WB = 6,
	MEMTYPE_UC_MINUS = 7,
};

/* IA32_MTRRCAP, IA32_MTRR_DEF_TYPE, IA32_MTRR_PHYSMASKn. */
#define MTRR_CAP_FIX (1ull << 8)
#define MTRR_CAP_WC (1ull << 10)
#define MTRR_DEF_TYPE_FE (1ull << 10)
#define MTRR_DEF_TYPE_E (1ull << 11)
#define MTRR_PHYS_MASK_V (1ull << 11)
#define MTRR_VARIABLE_NR 8u
/* Of PAT after power-up: WB, WT, UC-, UC, and the same again. */
#define PAT_RESET 0x0007040600070406ull

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
