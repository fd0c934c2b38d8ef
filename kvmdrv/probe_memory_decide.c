/* What follows from what the memory-type probe saw. */
#include <stdio.h>
#include <string.h>

#include "kvmdrv/probe_memory.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* Of an entry with EPT, and of any other. */
#define EPT_PRESENT 7ull
#define EPT_TYPE 0x78ull /* and "ignore PAT" */
#define EPT_TYPE_WB 0x30ull
#define EPT_IGNORE_PAT 0x40ull
#define PTE_PRESENT 1ull
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_PAT (1ull << 7)
#define PTE_PAT_LARGE (1ull << 12)

static const char *const state_names[] = {
	[MEMORY_WB] = "write-back memory",
	[MEMORY_UC] = "uncacheable MTRRs",
	[MEMORY_CD] = "CR0.CD=1",
	[MEMORY_CD_NO_QUIRK] = "CR0.CD=1 and the quirk disabled",
};

/* The bits of an entry that have the memory type. */
static uint64_t type_of(enum paging paging, const struct spte *spte)
{
	if (paging == PAGING_EPT)
		return spte->value & EPT_TYPE;
	return spte->value & (PTE_PWT | PTE_PCD |
			      (spte->level > 1 ? PTE_PAT_LARGE : PTE_PAT));
}

/* Is it an entry at all, and write-back, as write-back was asked for? */
static bool is_write_back(enum paging paging, const struct spte *spte)
{
	if (paging == PAGING_EPT)
		return spte->value & EPT_PRESENT &&
		       (type_of(paging, spte) & ~EPT_IGNORE_PAT) == EPT_TYPE_WB;
	return spte->value & PTE_PRESENT && type_of(paging, spte) == 0;
}

static bool is_present(enum paging paging, const struct spte *spte)
{
	return spte->value & (paging == PAGING_EPT ? EPT_PRESENT : PTE_PRESENT);
}

/* Is anything missing that the entries of @state are judged by? */
static const char *unknown_of_kvm(const struct memory_seen *seen,
				  enum memory_state state)
{
	const struct memory_look *wb = &seen->looks[MEMORY_WB];
	const struct memory_look *asked = &seen->looks[state];

	if (wb->no_guest[0])
		return wb->no_guest;
	if (asked->no_guest[0])
		return asked->no_guest;
	if (seen->paging == PAGING_UNKNOWN)
		return "what page-table entries of this vendor module mean is "
		       "not known";
	if (wb->no_spte[0])
		return wb->no_spte;
	if (asked->no_spte[0])
		return asked->no_spte;
	if (!is_write_back(seen->paging, &wb->spte))
		return "KVM's entry for write-back memory is not write-back";
	if (!is_present(seen->paging, &asked->spte))
		return "KVM's entry is not present";
	return NULL;
}

/*
 * Entries are the same: on AMD CPUs CR0.CD is in the VMCB.
 * SDM "Loading Guest Control Registers, Debug Registers, and MSRs": on Intel
 * CPUs VM entry never loads it, so EPT or KVM's own page tables decide.
 * APM "MTRRs" (nested paging): there are no MTRRs of the guest's.
 */
static void judge_cr0(struct probe_found *out, const struct memory_look *asked)
{
	if (asked->no_cr0[0])
		probe_say(out, PROBE_UNDETERMINED,
			  "KVM's page table has the same memory type, but on "
			  "AMD CR0 decides as well, and is not known: %s",
			  asked->no_cr0);
	else if (asked->cr0 & MEMORY_CR0_CD)
		probe_say(out, PROBE_HONOURED,
			  "the CPU runs the guest with CR0 0x%llx: CD is set",
			  (unsigned long long)asked->cr0);
	else
		probe_say(out, PROBE_IGNORED,
			  "the CPU runs the guest with CR0 0x%llx: CD is clear;"
			  " KVM's page table has the same memory type",
			  (unsigned long long)asked->cr0);
}

void memory_decide_by_kvm(struct probe_found *out,
			  const struct memory_seen *seen,
			  enum memory_state state)
{
	const char *missing = unknown_of_kvm(seen, state);
	const struct spte *wb = &seen->looks[MEMORY_WB].spte;
	const struct spte *asked = &seen->looks[state].spte;

	CHECK(state != MEMORY_WB);
	if (missing)
		probe_say(out, PROBE_UNDETERMINED, "%s", missing);
	else if (type_of(seen->paging, wb) != type_of(seen->paging, asked))
		probe_say(out, PROBE_HONOURED,
			  "KVM's page table has another memory type: 0x%02x "
			  "became 0x%02x",
			  (unsigned int)wb->value & 0xff,
			  (unsigned int)asked->value & 0xff);
	else if (seen->paging == PAGING_AMD && state != MEMORY_UC)
		judge_cr0(out, &seen->looks[state]);
	else
		probe_say(out, PROBE_IGNORED,
			  "KVM's page table has the same memory type, 0x%02x "
			  "as for write-back",
			  (unsigned int)asked->value & 0xff);
}

/* How many of @sweeps took longer than what lies between @hit and @miss? */
static unsigned int nr_longer(const uint32_t sweeps[MEMORY_SWEEPS],
			      uint32_t hit, uint32_t miss)
{
	unsigned int nr = 0;

	/* Between: their geometric mean. */
	for (size_t i = 0; i < MEMORY_SWEEPS; i++)
		nr += (uint64_t)sweeps[i] * sweeps[i] > (uint64_t)hit * miss;
	return nr;
}

static uint32_t median(const uint32_t sweeps[MEMORY_SWEEPS])
{
	/* The least that at least half of them are not above. */
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < MEMORY_SWEEPS; i++) {
		size_t nr = 0;

		for (size_t j = 0; j < MEMORY_SWEEPS; j++)
			nr += sweeps[j] <= sweeps[i];
		if (nr >= MEMORY_SWEEPS / 2 && sweeps[i] < least)
			least = sweeps[i];
	}
	return least;
}

/*
 * Three times sixteen sweeps, which take turns: loads that hit the caches, loads
 * that miss, and those in question. They count as one or the other if at most
 * two of the sixteen stray from them, and so must the first two from each other.
 *
 * Error rate: if a sweep strays with probability p whatever it is, that all
 * three pass and the answer is wrong has a probability of at most 4.8e-8, at
 * p = 0.37 (binomial: P(at most 2)^2 * P(at least 14)).
 */
void memory_decide_by_time(struct probe_found *out,
			   const struct memory_seen *seen,
			   enum memory_state state)
{
	const struct memory_look *wb = &seen->looks[MEMORY_WB];
	const struct memory_look *asked = &seen->looks[state];
	uint32_t hit = median(wb->sweeps), miss = median(seen->missed);
	uint32_t took = median(asked->sweeps);
	unsigned int longer = nr_longer(asked->sweeps, hit, miss);

	CHECK(state != MEMORY_WB);
	if (wb->no_sweeps[0] || asked->no_sweeps[0])
		probe_say(out, PROBE_UNDETERMINED, "%s",
			  wb->no_sweeps[0] ? wb->no_sweeps : asked->no_sweeps);
	else if (hit == 0 || miss / hit < MEMORY_CONTRAST)
		probe_say(
			out, PROBE_UNDETERMINED,
			"timing has no contrast: loads that miss the caches "
			"take %u ticks where those that hit take %u (are they "
			"emulated?)",
			miss, hit);
	else if (nr_longer(wb->sweeps, hit, miss) > MEMORY_STRAYS_MAX ||
		 MEMORY_SWEEPS - nr_longer(seen->missed, hit, miss) >
			 MEMORY_STRAYS_MAX)
		probe_say(
			out, PROBE_UNDETERMINED,
			"timing is noise: %u of %u sweeps that hit the caches "
			"took long, and %u of those that miss did not",
			nr_longer(wb->sweeps, hit, miss), MEMORY_SWEEPS,
			MEMORY_SWEEPS - nr_longer(seen->missed, hit, miss));
	else if (longer > MEMORY_STRAYS_MAX &&
		 longer < MEMORY_SWEEPS - MEMORY_STRAYS_MAX)
		probe_say(out, PROBE_UNDETERMINED,
			  "timing is noise: %u of %u sweeps took long", longer,
			  MEMORY_SWEEPS);
	else
		probe_say(out,
			  longer > MEMORY_STRAYS_MAX ? PROBE_HONOURED :
						       PROBE_IGNORED,
			  "a sweep takes %u ticks, where one that hits the "
			  "caches takes %u and one that misses %u",
			  took, hit, miss);
}

void memory_decide(struct probe_found *out, const struct memory_seen *seen,
		   enum memory_state state)
{
	const char *name = state_names[state];
	struct probe_found decision, timing;

	memory_decide_by_kvm(&decision, seen, state);
	memory_decide_by_time(&timing, seen, state);
	if (decision.answer != PROBE_UNDETERMINED &&
	    timing.answer != PROBE_UNDETERMINED &&
	    decision.answer != timing.answer)
		probe_say(out, PROBE_UNDETERMINED,
			  "under %s two ways contradict each other: %.150s; "
			  "but %.150s",
			  name, decision.why, timing.why);
	else if (decision.answer == PROBE_UNDETERMINED &&
		 timing.answer == PROBE_UNDETERMINED)
		probe_say(out, PROBE_UNDETERMINED, "under %s: %.180s; %.180s",
			  name, decision.why, timing.why);
	else if (timing.answer == PROBE_UNDETERMINED)
		probe_say(out, decision.answer, "under %s %s", name,
			  decision.why);
	else if (decision.answer == PROBE_UNDETERMINED)
		probe_say(out, timing.answer, "under %s %s", name, timing.why);
	else
		probe_say(out, timing.answer, "under %s %.180s; %.180s", name,
			  decision.why, timing.why);
}

static const char *effect(const struct probe_found *found)
{
	return found->answer == PROBE_HONOURED ? "an" : "no";
}

void memory_decide_quirk(struct probe_found *out, const struct probe_found *on,
			 const struct probe_found *off)
{
	if (on->answer == PROBE_UNDETERMINED ||
	    off->answer == PROBE_UNDETERMINED)
		*out = on->answer == PROBE_UNDETERMINED ? *on : *off;
	else if (on->answer == PROBE_IGNORED && off->answer == PROBE_HONOURED)
		probe_say(out, PROBE_HONOURED, "%.230s; %.230s", on->why,
			  off->why);
	else
		probe_say(out, PROBE_IGNORED,
			  "CD has %s effect with the quirk, and %s effect "
			  "without: %.300s",
			  effect(on), effect(off), off->why);
}

void memory_decide_documents(struct probe_found *out,
			     const struct memory_seen *seen,
			     const struct probe_found *on,
			     const struct probe_found *off)
{
	struct probe_found quirk;

	memory_decide_quirk(&quirk, on, off);
	if (seen->paging != PAGING_AMD)
		probe_say(out, PROBE_UNDETERMINED,
			  "they contradict each other on kvm_amd only, which "
			  "this host does not have");
	else if (quirk.answer != PROBE_IGNORED)
		*out = quirk;
	else if (on->answer == PROBE_HONOURED)
		probe_say(out, PROBE_IGNORED, "errata.rst is right: %.400s",
			  on->why);
	else
		probe_say(out, PROBE_UNDETERMINED, "neither is right: %.400s",
			  quirk.why);
}
