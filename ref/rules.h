/*
 * Private to ref/ and its tests: the rules that are pure functions of a few
 * numbers. Each is defined where its subject is.
 */
#ifndef REF_RULES_H
#define REF_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/x86.h"

/* ref/apicbase.c: may IA32_APIC_BASE hold @value? */
bool apicbase_is_legal(uint64_t value, bool guest_has_x2apic);
/* Is the APIC on, and elsewhere than at its usual address? */
bool apicbase_is_moved(uint64_t value);

/* ref/lapic.c: the logical x2APIC ID that hardware derives. */
uint32_t x2apic_ldr(uint32_t x2apic_id);

/* ref/lapic.c: PPR from TPR and the eight ISR words. */
uint32_t lapic_ppr(uint32_t tpr, const uint32_t isr[8]);

/* ref/match.c: is an APIC in this mode one that @dest reaches? */
bool xapic_physical_match(uint32_t dest, uint8_t xapic_id);
bool x2apic_physical_match(uint32_t dest, uint32_t x2apic_id);
bool xapic_logical_match(uint8_t dest, uint32_t ldr, uint32_t dfr);
bool x2apic_logical_match(uint32_t dest, uint32_t ldr);

/* ref/mtrr.c: may this MSR of msrs.def, by its number, hold @value? */
bool msr_is_legal(uint32_t msr, uint64_t value);

/* Does DFR hold one of the two models that the manuals define? */
bool dfr_is_defined(uint32_t dfr);

#endif
