/*
 * Private to kvmdrv/ and its tests: the entries that KVM puts in its page
 * tables for this thread's vCPUs, by the kernel's trace event
 * kvmmmu:kvm_mmu_set_spte. It is read through perf_event_open(), so that it is
 * on for this thread alone, and gone with its descriptor; tracefs is mounted
 * for a descriptor of ours only.
 */
#ifndef KVMDRV_SPTE_TRACE_H
#define KVMDRV_SPTE_TRACE_H

#include "kvmdrv/probe_memory.h"

/* Where the event's record has what, by its `format`; in bytes. */
struct spte_fields {
	size_t gfn, spte; /* 8 bytes each */
	size_t level;	  /* 1 byte */
};

struct spte_trace {
	int event; /* -1: none */
	uint8_t *ring;
	struct spte_fields fields;
};

/* False: @why has the reason. To be closed either way. */
bool spte_trace_open(struct spte_trace *trace, char why[MEMORY_WHY_MAX]);
void spte_trace_close(struct spte_trace *trace);

/*
 * The last entry for page @gfn since the event was read before. False: @why
 * has the reason.
 */
bool spte_trace_read(struct spte_trace *trace, struct spte *out,
		     char why[MEMORY_WHY_MAX], uint64_t gfn);

/* Pure, of what strangers wrote; false: it is not that. */
bool spte_fields_parse(struct spte_fields *out, const char *format);
bool spte_record_parse(struct spte *out, const struct spte_fields *fields,
		       const uint8_t *record, size_t len, uint64_t gfn);

#endif
