/*
 * Private to kvmdrv/ and its tests: does the guest's memory type change how
 * memory behaves? Four VMs that differ in nothing but the memory type that the
 * guest asks for are looked at in two independent ways:
 *
 *   what KVM decided   the memory type in the entry of KVM's page tables for a
 *                      page that the guest touches for the first time, and on
 *                      kvm_amd CR0 as the CPU loads it
 *   timing             how long the guest takes to load what it loaded before,
 *                      beside loads that hit the caches and loads that miss
 *
 * memory_look() looks, what follows are pure functions of what it saw.
 */
#ifndef KVMDRV_PROBE_MEMORY_H
#define KVMDRV_PROBE_MEMORY_H

#include "kvmdrv/probe.h"

/* What the guest asks for; each but the first is uncacheable memory. */
enum memory_state {
	MEMORY_WB,	    /* MTRRs on and write-back, CR0.CD clear */
	MEMORY_UC,	    /* MTRRs on and uncacheable */
	MEMORY_CD,	    /* as the first, and CR0.CD set */
	MEMORY_CD_NO_QUIRK, /* and KVM_X86_QUIRK_CD_NW_CLEARED disabled */
	MEMORY_STATES
};

/* How entries of the page tables that KVM makes have the memory type. */
enum paging {
	PAGING_UNKNOWN, /* of a vendor module that is not known */
	PAGING_EPT,	/* kvm_intel: bits 5:3, and 6, ignore PAT */
	PAGING_INTEL,	/* kvm_intel without EPT: as any page table */
	PAGING_AMD,	/* kvm_amd, nested or not: as any page table */
};

enum {
	MEMORY_WHY_MAX = 160,
	MEMORY_SWEEPS = 16,
	/* That many may lie on the wrong side of what is between. */
	MEMORY_STRAYS_MAX = 2,
	/* A load that misses takes that much longer, or there is no contrast. */
	MEMORY_CONTRAST = 4,
};

#define MEMORY_CR0_CD (1ull << 30)

struct spte {
	uint64_t value;
	uint8_t level; /* 1: a page of 4 KiB */
};

/* Of one state. What there is a reason for (not "") is not known. */
struct memory_look {
	char no_guest[MEMORY_WHY_MAX]; /* nothing of it is known */
	char no_spte[MEMORY_WHY_MAX];
	struct spte spte;
	char no_cr0[MEMORY_WHY_MAX];
	uint64_t cr0; /* in the VMCB */
	char no_sweeps[MEMORY_WHY_MAX];
	uint32_t sweeps[MEMORY_SWEEPS]; /* ticks of the TSC each */
};

struct memory_seen {
	enum paging paging;
	struct memory_look looks[MEMORY_STATES];
	/* In the first state, of loads that miss, as they are flushed before. */
	uint32_t missed[MEMORY_SWEEPS];
};

/* Look, once for an open driver, which keeps it. */
const struct memory_seen *memory_look(struct kvmdrv *drv);

/* Is @state, which asks for uncacheable memory, honoured, for all one knows? */
void memory_decide(struct probe_found *out, const struct memory_seen *seen,
		   enum memory_state state);
/* By what KVM decided alone, and by timing alone. */
void memory_decide_by_kvm(struct probe_found *out,
			  const struct memory_seen *seen,
			  enum memory_state state);
void memory_decide_by_time(struct probe_found *out,
			   const struct memory_seen *seen,
			   enum memory_state state);

/* The quirk on and off, as memory_decide() found: does api.rst say so? */
void memory_decide_quirk(struct probe_found *out, const struct probe_found *on,
			 const struct probe_found *off);
/* Which of errata.rst (IGNORED) and api.rst (HONOURED) has it right on AMD? */
void memory_decide_documents(struct probe_found *out,
			     const struct memory_seen *seen,
			     const struct probe_found *on,
			     const struct probe_found *off);

#endif
