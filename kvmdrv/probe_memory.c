/* The memory-type probe: VMs in each state, and what they show. */
#include "kvmdrv/probe_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvmdrv/host.h"
#include "kvmdrv/probe_memory_abi.h"
#include "kvmdrv/probe_guest.h"
#include "kvmdrv/spte_trace.h"
#include "kvmdrv/vm.h"
#include "kvmdrv/vmcb_cr0.h"
#include "scenario/check.h"
#include "scenario/x86.h"

extern const uint8_t memory_sweep[], memory_sweep_end[];

enum {
	LINES = MEMORY_SWEEP_SIZE / MEMORY_LINE,
	PAGE_SHIFT = 12,
};
/* IA32_MTRR_PHYSMASK of 2 MiB, on, with 36 bits of address. */
#define MASK_2M (0xfffe00000ull | MTRR_PHYS_MASK_V)

static bool fails(char why[MEMORY_WHY_MAX], const char *what)
{
	snprintf(why, MEMORY_WHY_MAX, "%s: %s", what, strerror(errno));
	return false;
}

/*
 * A cycle through all lines, in no order that a prefetcher knows: x -> 77x + 31
 * modulo a power of two visits all (77 is 1 modulo 4, 31 odd).
 */
static void make_cycle(uint8_t *memory)
{
	uint64_t line = 0;

	for (size_t i = 0; i < LINES; i++) {
		uint64_t next = (77 * line + 31) % LINES;
		uint64_t address = PROBE_GUEST_DATA + next * MEMORY_LINE;

		memcpy(memory + line * MEMORY_LINE, &address, sizeof(address));
		line = next;
	}
	CHECK(line == 0);
}

static bool set_msr(struct probe_guest *guest, char why[MEMORY_WHY_MAX],
		    uint32_t msr, uint64_t value)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) +
			     sizeof(struct kvm_msr_entry)];
	} one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0] =
		(struct kvm_msr_entry){ .index = msr, .data = value };
	if (ioctl(guest->vcpu, KVM_SET_MSRS, &one) == 1)
		return true;
	snprintf(why, MEMORY_WHY_MAX, "KVM_SET_MSRS refuses MTRRs (0x%x)", msr);
	return false;
}

/* The fixed ranges are uncacheable after a reset. */
static bool set_mtrrs(struct probe_guest *guest, char why[MEMORY_WHY_MAX],
		      bool uncacheable)
{
	if (!uncacheable)
		return set_msr(guest, why, MSR_mtrr_def_type,
			       MTRR_DEF_TYPE_E | MEMTYPE_WB);
	return set_msr(guest, why, MSR_mtrr_phys_base0,
		       PROBE_GUEST_DATA | MEMTYPE_UC) &&
	       set_msr(guest, why, MSR_mtrr_phys_mask0, MASK_2M) &&
	       set_msr(guest, why, MSR_mtrr_def_type,
		       MTRR_DEF_TYPE_E | MTRR_DEF_TYPE_FE | MEMTYPE_UC);
}

static bool disable_quirk(struct probe_guest *guest, char why[MEMORY_WHY_MAX])
{
	struct kvm_enable_cap enable = { .cap = KVM_CAP_DISABLE_QUIRKS2,
					 .args = { QUIRK_CD_NW_CLEARED } };

	/* Before 5.18 there was another one. */
	if (ioctl(guest->vm, KVM_CHECK_EXTENSION, enable.cap) <= 0)
		enable.cap = KVM_CAP_DISABLE_QUIRKS;
	if (ioctl(guest->vm, KVM_ENABLE_CAP, &enable) == 0)
		return true;
	return fails(why, "KVM_X86_QUIRK_CD_NW_CLEARED cannot be disabled");
}

/* Does the guest have CD as it was set? */
static bool cd_is(struct probe_guest *guest, char why[MEMORY_WHY_MAX],
		  bool want)
{
	struct kvm_sregs sregs;

	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) != 0)
		return fails(why, "KVM_GET_SREGS");
	if (!(sregs.cr0 & MEMORY_CR0_CD) == !want)
		return true;
	snprintf(why, MEMORY_WHY_MAX, "CR0.CD did not stay as it was set");
	return false;
}

/* One sweep: its ticks, and all of them in @out where there is room. */
static bool sweep(struct probe_guest *guest, uint32_t *out,
		  char why[MEMORY_WHY_MAX], bool missing)
{
	const struct probe_code code = {
		memory_sweep,
		memory_sweep_end,
		missing,
	};
	struct probe_found found;
	uint64_t ticks;

	if (!probe_guest_run(guest, &found, &code)) {
		snprintf(why, MEMORY_WHY_MAX, "%.*s", MEMORY_WHY_MAX - 1,
			 found.why);
		return false;
	}
	memcpy(&ticks, guest->data + MEMORY_SWEEP_SIZE, sizeof(ticks));
	*out = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
	return true;
}

/* A guest in @state, which has touched its memory once. */
static bool start(struct probe_guest *guest, struct memory_look *out,
		  struct kvmdrv *drv, struct spte_trace *trace,
		  enum memory_state state)
{
	bool cd = state == MEMORY_CD || state == MEMORY_CD_NO_QUIRK;
	struct probe_found found;
	struct spte old;
	char none[MEMORY_WHY_MAX];
	uint32_t ticks;

	if (!probe_guest_open(guest, &found, drv, MEMORY_SWEEP_SIZE + 8)) {
		snprintf(out->no_guest, MEMORY_WHY_MAX, "%.*s",
			 MEMORY_WHY_MAX - 1, found.why);
		return false;
	}
	make_cycle(guest->data);
	if (cd)
		guest->cr0 |= MEMORY_CR0_CD;
	if (!set_mtrrs(guest, out->no_guest, state == MEMORY_UC) ||
	    (state == MEMORY_CD_NO_QUIRK &&
	     !disable_quirk(guest, out->no_guest)))
		return false;
	if (trace->ring)
		(void)spte_trace_read(trace, &old, none, UINT64_MAX);
	if (!sweep(guest, &ticks, out->no_guest, false) ||
	    !cd_is(guest, out->no_guest, cd))
		return false;
	if (trace->ring)
		(void)spte_trace_read(trace, &out->spte, out->no_spte,
				      PROBE_GUEST_DATA >> PAGE_SHIFT);
	return true;
}

/* All of them take turns, so that a host that is busy is for all. */
static void take_sweeps(struct memory_seen *seen,
			struct probe_guest guests[MEMORY_STATES])
{
	struct memory_look *wb = &seen->looks[MEMORY_WB];

	for (size_t i = 0; i < MEMORY_SWEEPS; i++) {
		for (size_t state = 0; state < MEMORY_STATES; state++) {
			struct memory_look *look = &seen->looks[state];

			if (!look->no_sweeps[0])
				(void)sweep(&guests[state], &look->sweeps[i],
					    look->no_sweeps, false);
		}
		if (!wb->no_sweeps[0])
			(void)sweep(&guests[MEMORY_WB], &seen->missed[i],
				    wb->no_sweeps, true);
	}
}

static bool parameter_is_on(const char *path)
{
	FILE *in = fopen(path, "r");
	int letter = in ? fgetc(in) : EOF;

	if (in)
		fclose(in);
	return letter == 'Y' || letter == '1';
}

static enum paging paging_here(void)
{
	struct host host;

	host_describe(&host);
	if (!strcmp(host.module, "kvm_amd"))
		return PAGING_AMD;
	if (strcmp(host.module, "kvm_intel") != 0)
		return PAGING_UNKNOWN;
	return parameter_is_on("/sys/module/kvm_intel/parameters/ept") ?
		       PAGING_EPT :
		       PAGING_INTEL;
}

static void take_cr0(struct memory_seen *seen,
		     struct probe_guest guests[MEMORY_STATES],
		     enum memory_state state)
{
	struct memory_look *look = &seen->looks[state];
	uint64_t breakpoint = PROBE_GUEST_CODE - 1 +
			      (uint64_t)(memory_sweep_end - memory_sweep);

	if (seen->paging == PAGING_AMD && !look->no_guest[0])
		(void)vmcb_cr0_read(&look->cr0, look->no_cr0, &guests[state],
				    breakpoint);
	else
		snprintf(look->no_cr0, MEMORY_WHY_MAX, "there is no VMCB");
}

static void look(struct memory_seen *seen, struct kvmdrv *drv)
{
	struct probe_guest guests[MEMORY_STATES] = { 0 };
	struct spte_trace trace;
	char no_trace[MEMORY_WHY_MAX] = "";

	seen->paging = paging_here();
	(void)spte_trace_open(&trace, no_trace);
	for (size_t state = 0; state < MEMORY_STATES; state++) {
		struct memory_look *of = &seen->looks[state];

		memcpy(of->no_spte, no_trace, sizeof(no_trace));
		(void)start(&guests[state], of, drv, &trace, state);
		memcpy(of->no_sweeps, of->no_guest, sizeof(of->no_guest));
	}
	spte_trace_close(&trace);
	take_sweeps(seen, guests);
	take_cr0(seen, guests, MEMORY_CD);
	take_cr0(seen, guests, MEMORY_CD_NO_QUIRK);
	for (size_t state = 0; state < MEMORY_STATES; state++)
		probe_guest_close(&guests[state]);
}

const struct memory_seen *memory_look(struct kvmdrv *drv)
{
	if (!drv->memory) {
		drv->memory = must_allocate(sizeof(*drv->memory));
		look(drv->memory, drv);
	}
	return drv->memory;
}

static void judge(struct probe_found *out, struct kvmdrv *drv,
		  enum memory_state state)
{
	memory_decide(out, memory_look(drv), state);
}

void probe_mtrr_ignored(struct probe_found *out, struct kvmdrv *drv)
{
	judge(out, drv, MEMORY_UC);
}

void probe_cr0_cd_ignored(struct probe_found *out, struct kvmdrv *drv)
{
	judge(out, drv, MEMORY_CD);
}

void probe_cr0_cd_virtualized(struct probe_found *out, struct kvmdrv *drv)
{
	judge(out, drv, MEMORY_CD);
}

void probe_cd_nw_cleared(struct probe_found *out, struct kvmdrv *drv)
{
	struct probe_found on, off;

	judge(&on, drv, MEMORY_CD);
	judge(&off, drv, MEMORY_CD_NO_QUIRK);
	memory_decide_quirk(out, &on, &off);
}

void probe_cr0_cd_documents(struct probe_found *out, struct kvmdrv *drv)
{
	struct probe_found on, off;

	judge(&on, drv, MEMORY_CD);
	judge(&off, drv, MEMORY_CD_NO_QUIRK);
	memory_decide_documents(out, memory_look(drv), &on, &off);
}
