/*
 * Private to kvmdrv/ and its tests: what is seen of the x87's pointers and of
 * the CPUID bits about them, and what follows from it. Pure.
 */
#ifndef KVMDRV_PROBE_X87_H
#define KVMDRV_PROBE_X87_H

#include "kvmdrv/probe.h"

/* CPUID[EAX=7,ECX=0]:EBX. Set: the feature is not there. */
#define X87_FDP_EXCPTN_ONLY (1u << 6)
#define X87_ZERO_FCS_FDS (1u << 13)
#define X87_BITS (X87_FDP_EXCPTN_ONLY | X87_ZERO_FCS_FDS)

/* What an x87 does, as FNSTENV shows it. */
struct x87_does {
	bool fdp_updated; /* by a load without an exception */
	bool fcs_kept, fds_kept;
};

/* A guest whose CPUID was to have certain of the bits. */
struct x87_guest {
	uint32_t wanted;	  /* given to KVM_SET_CPUID2, */
	int error;		  /* which failed: errno, or 0; */
	uint32_t ring0, ring3;	  /* what its CPUID instruction shows there */
	struct x87_does does;	  /* in ring 3 */
	struct probe_found ended; /* `why` not empty: it did not run */
};

void x87_decide_inverted(struct probe_found *out, uint32_t host,
			 const struct x87_does *does);
void x87_decide_reported(struct probe_found *out, uint32_t host,
			 uint32_t supported);
void x87_decide_no_effect(struct probe_found *out,
			  const struct x87_guest *clear,
			  const struct x87_guest *set);
/* @bit: one of the two, that the statement is about. */
void x87_decide_of_hardware(struct probe_found *out, uint32_t bit,
			    uint32_t host, const struct x87_guest *clear);
void x87_decide_workaround(struct probe_found *out,
			   const struct x87_guest *set);

#endif
