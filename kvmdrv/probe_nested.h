/*
 * Private to kvmdrv/ and its tests: what is seen of nested virtualization, and
 * what follows from it. Pure.
 */
#ifndef KVMDRV_PROBE_NESTED_H
#define KVMDRV_PROBE_NESTED_H

#include "kvmdrv/probe.h"

enum nested_kind { NESTED_VMX, NESTED_SVM, NESTED_KINDS };

/* The MSRs of one kind; the first ones are always there if it is. */
enum { NESTED_MSRS_MAX = 19, NESTED_MSRS_ALWAYS = 3 /* a mask */ };
extern const struct nested_names {
	const char *name;    /* VMX, SVM */
	const char *control; /* CR4.VMXE, EFER.SVME */
	uint32_t nr_msrs;
	uint32_t msrs[NESTED_MSRS_MAX];
} nested_names[NESTED_KINDS];

/* A guest with the bit in its CPUID, or without. */
struct nested_guest {
	int error;		  /* of KVM_SET_CPUID2: errno, or 0 */
	struct probe_found ended; /* `why` not empty: it did not run */
	bool shows_bit;		  /* its CPUID instruction */
	/* The control bit is set after a write, */
	bool by_guest, by_host; /* an instruction, KVM_SET_SREGS */
	/* RDMSR: refused, or a value. Bits as in nested_names' msrs. */
	uint32_t readable;
	uint64_t values[NESTED_MSRS_MAX];
};

struct nested {
	bool supported; /* the bit, in KVM_GET_SUPPORTED_CPUID */
	/* KVM_GET_MSR_FEATURE_INDEX_LIST has them, with these values. */
	uint32_t features;
	uint64_t feature_values[NESTED_MSRS_MAX];
	struct nested_guest with, without;
};

void nested_decide_state(struct probe_found *out, int state_size);
void nested_decide_cpuid(struct probe_found *out, enum nested_kind kind,
			 bool supported);
void nested_decide_msrs(struct probe_found *out, enum nested_kind kind,
			const struct nested *nested);
void nested_decide_control(struct probe_found *out, enum nested_kind kind,
			   const struct nested *nested);
/* @nested: one a kind. */
void nested_decide_consistent(struct probe_found *out, int state_size,
			      const struct nested *nested);

#endif
