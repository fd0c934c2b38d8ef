/* CPUID: what KVM_SET_CPUID2 was given, and what follows from state. */
#include <string.h>

#include "ref/exec.h"
#include "scenario/cpuid.h"

/*
 * What every CPU has that has long mode, and x2APIC: FPU, TSC, MTRR, CMOV, PAT,
 * FXSR, SSE, SSE3 and so on; and of its XSAVE.
 */
#define HOST_1_ECX (1u | CPUID_1_ECX_X2APIC)
#define HOST_1_EDX (0x07019171u | CPUID_1_EDX_APIC)
#define HOST_D_EAX 3u /* x87 and SSE */

struct table {
	size_t nr;
	struct cpuid_leaf leaves[CPUID_LEAVES_MAX];
};

static const struct cpuid_leaf *find(const struct table *table, uint32_t leaf,
				     uint32_t subleaf)
{
	for (size_t i = 0; i < table->nr; i++) {
		const struct cpuid_leaf *here = &table->leaves[i];

		if (here->leaf == leaf &&
		    (!here->has_subleaves || here->subleaf == subleaf))
			return here;
	}
	return NULL;
}

/*
 * SDM "Enabling or Disabling the Local APIC": CPUID's flag for the APIC is 0
 * while the APIC is disabled. OSXSAVE is CR4's, which cannot be set, as the
 * profile has no XSAVE.
 */
static uint32_t by_state(const struct model_vcpu *vcpu,
			 const struct op_cpuid_read *op, uint32_t value)
{
	bool off = vcpu_mode(vcpu) == APIC_MODE_OFF;

	if (op->leaf == CPUID_FEATURES && op->reg == CPUID_EDX && off)
		return value & ~CPUID_1_EDX_APIC;
	return value;
}

/*
 * SDM "CPUID": up to the highest leaf of its range, what is not there is 0, but
 * for the topology's subleaves, which repeat their number and the x2APIC ID.
 */
static uint32_t read_absent(const struct model_vcpu *vcpu,
			    const struct op_cpuid_read *op)
{
	if (op->leaf == CPUID_TOPOLOGY && op->reg == CPUID_ECX)
		return op->subleaf & 0xff;
	if (op->leaf == CPUID_TOPOLOGY && op->reg == CPUID_EDX)
		return vcpu->vcpu_id;
	return 0;
}

static bool is_in_range(const struct table *table, uint32_t leaf)
{
	uint32_t first = leaf < CPUID_EXTENDED ? CPUID_BASIC : CPUID_EXTENDED;
	const struct cpuid_leaf *highest = find(table, first, 0);

	return highest && leaf <= highest->regs[CPUID_EAX];
}

/* The bits of a register that are set on every host, under replace(). */
static uint32_t host_bits(const struct op_cpuid_read *op)
{
	if (op->leaf == CPUID_XSAVE)
		return !op->subleaf && op->reg == CPUID_EAX ? HOST_D_EAX : 0;
	return op->reg == CPUID_ECX ? HOST_1_ECX : HOST_1_EDX;
}

/*
 * KVM: kvm_pvm puts the host's features in the place of those of leaf 1, and
 * adds leaf 0xd, where KVM_SET_CPUID2 brings a table.
 */
static void replace(const struct model *m, const struct model_vcpu *vcpu,
		    const struct op_cpuid_read *op, struct promise *out)
{
	bool features = op->leaf == CPUID_FEATURES &&
			(op->reg == CPUID_ECX || op->reg == CPUID_EDX);
	uint32_t known = host_bits(op);

	if (m->scenario->config.cpuid == CPUID_NONE ||
	    (!features && op->leaf != CPUID_XSAVE) ||
	    !in_force(m, ERRATUM_cpuid_leaves_replaced) ||
	    !decides(m, ERRATUM_cpuid_leaves_replaced))
		return;
	promise_accepted(out);
	if (op->leaf == CPUID_XSAVE && op->subleaf)
		out->care.accepted = 0;
	out->want.value = by_state(vcpu, op, known);
	out->care.value = known;
}

/* KVM: kvm_vcpu_ioctl_get_cpuid2, of which the zeroes look like leaf 0. */
static bool zeroes_are_found(const struct model *m,
			     const struct op_cpuid_read *op)
{
	return op->leaf == 0 && in_force(m, ERRATUM_cpuid_count_not_told) &&
	       decides(m, ERRATUM_cpuid_count_not_told);
}

/*
 * KVM's API, KVM_SET_CPUID2: it defines what CPUID gives, and KVM_GET_CPUID2 is
 * that table. Above the highest leaf SDM "CPUID" has the highest basic one and
 * APM "CPUID" nothing, and the profile names no vendor; nor is it said what a
 * vCPU has that was given no table.
 */
void model_cpuid_read(struct model *m, const struct op_cpuid_read *op,
		      struct promise *out)
{
	const struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	const struct cpuid_leaf *entry;
	struct table table;

	table.nr = cpuid_profile(table.leaves,
				 (enum cpuid)m->scenario->config.cpuid,
				 vcpu->vcpu_id);
	entry = find(&table, op->leaf, op->subleaf);
	promise_accepted(out);
	if (entry)
		out->want.value = by_state(vcpu, op, entry->regs[op->reg]);
	else if (op->by == AGENT_GUEST && is_in_range(&table, op->leaf))
		out->want.value = read_absent(vcpu, op);
	else if (op->by == AGENT_GUEST)
		out->care.value = 0;
	else if (!zeroes_are_found(m, op))
		promise_refused(out, 0);
	replace(m, vcpu, op, out);
}
