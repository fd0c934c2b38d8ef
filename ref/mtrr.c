/*
 * Memory type ranges and the page attribute table: the registers, not what they
 * do to memory. Each vCPU has its own, and an INIT changes none of them (SDM
 * "Processor State After Reset", "Programming the PAT").
 */
#include "ref/exec.h"
#include "ref/rules.h"
#include "scenario/check.h"
#include "scenario/cpuid.h"

#define VECTOR_DF 8u

enum msr_kind {
	MSR_KIND_ABSENT,
	MSR_KIND_CAP,
	MSR_KIND_PHYS_BASE,
	MSR_KIND_PHYS_MASK,
	MSR_KIND_FIXED,
	MSR_KIND_DEF_TYPE,
	MSR_KIND_PAT,
};

static const uint16_t numbers[MSRS] = {
#define MSR(number, name) number,
#define MSR_READ_ONLY(number, name) number,
#define MSR_ABSENT(number, name) number,
#include "scenario/msrs.def"
};

/* Its place among the MSRs that a vCPU has. */
static uint32_t index_of(uint32_t msr)
{
	for (uint32_t i = 0; i < MSRS; i++)
		if (numbers[i] == msr)
			return i;
	CHECK(!"an MSR that msrs.def does not have");
	return 0;
}

static bool is_fixed(uint32_t msr)
{
	return msr == MSR_mtrr_fix64k_00000 || msr == MSR_mtrr_fix16k_80000 ||
	       msr == MSR_mtrr_fix16k_a0000 ||
	       (msr >= MSR_mtrr_fix4k_c0000 && msr <= MSR_mtrr_fix4k_f8000);
}

static enum msr_kind kind_of(uint32_t msr)
{
	if (msr == MSR_mtrr_cap)
		return MSR_KIND_CAP;
	if (msr >= MSR_mtrr_phys_base0 && msr <= MSR_mtrr_phys_mask7)
		return (msr - MSR_mtrr_phys_base0) % 2 ? MSR_KIND_PHYS_MASK :
							 MSR_KIND_PHYS_BASE;
	if (is_fixed(msr))
		return MSR_KIND_FIXED;
	if (msr == MSR_mtrr_def_type)
		return MSR_KIND_DEF_TYPE;
	if (msr == MSR_pat)
		return MSR_KIND_PAT;
	return MSR_KIND_ABSENT;
}

/* SDM "Memory Types That Can Be Encoded in MTRRs"; others are #GP. */
static bool mtrr_type_is_legal(uint8_t type)
{
	return type == MEMTYPE_UC || type == MEMTYPE_WC || type == MEMTYPE_WT ||
	       type == MEMTYPE_WP || type == MEMTYPE_WB;
}

/* SDM "Memory Types That Can Be Encoded With PAT"; others are #GP. */
static bool pat_type_is_legal(uint8_t type)
{
	return mtrr_type_is_legal(type) || type == MEMTYPE_UC_MINUS;
}

static bool bytes_are_legal(uint64_t value, bool (*is_legal)(uint8_t))
{
	for (int byte = 0; byte < 8; byte++)
		if (!is_legal((uint8_t)(value >> 8 * byte)))
			return false;
	return true;
}

/* Bits @low to @high, both included, are clear. */
static bool are_clear(uint64_t value, unsigned low, unsigned high)
{
	for (unsigned bit = low; bit <= high; bit++)
		if (value >> bit & 1)
			return false;
	return true;
}

/*
 * SDM "IA32_MTRR_DEF_TYPE MSR", "Fixed Range MTRRs", "Variable Range MTRRs",
 * "IA32_PAT MSR", "MTRR Feature Identification" (IA32_MTRRCAP is read-only); APM
 * "Memory-Type Range Registers", "PAT Register": what is reserved is #GP.
 */
bool msr_is_legal(uint32_t msr, uint64_t value)
{
	switch (kind_of(msr)) {
	case MSR_KIND_ABSENT:
	case MSR_KIND_CAP:
		return false;
	case MSR_KIND_PHYS_BASE:
		return mtrr_type_is_legal((uint8_t)value) &&
		       are_clear(value, 8, 11) &&
		       are_clear(value, MAXPHYADDR, 63);
	case MSR_KIND_PHYS_MASK:
		return are_clear(value, 0, 10) &&
		       are_clear(value, MAXPHYADDR, 63);
	case MSR_KIND_FIXED:
		return bytes_are_legal(value, mtrr_type_is_legal);
	case MSR_KIND_DEF_TYPE:
		return mtrr_type_is_legal((uint8_t)value) &&
		       are_clear(value, 8, 9) && are_clear(value, 12, 63);
	case MSR_KIND_PAT:
		return bytes_are_legal(value, pat_type_is_legal);
	}
	return false;
}

/*
 * SDM "MTRR Initialization": a reset clears the valid flags of the variable
 * ranges and the enable flag; all other bits of MTRRs are undefined. SDM
 * "Programming the PAT" has the PAT's. IA32_MTRRCAP says what there is: eight
 * pairs, fixed ranges and WC, and no range for SMM.
 */
static void value_at_reset(struct answer *want, struct answer *care,
			   uint32_t msr)
{
	want->value = 0;
	care->value = 0;
	switch (kind_of(msr)) {
	case MSR_KIND_CAP:
		want->value = MTRR_VARIABLE_NR | MTRR_CAP_FIX | MTRR_CAP_WC;
		care->value = UINT64_MAX;
		break;
	case MSR_KIND_PHYS_MASK:
		care->value = MTRR_PHYS_MASK_V;
		break;
	case MSR_KIND_DEF_TYPE:
		care->value = MTRR_DEF_TYPE_E;
		break;
	case MSR_KIND_PAT:
		want->value = PAT_RESET;
		care->value = UINT64_MAX;
		break;
	case MSR_KIND_ABSENT:
	case MSR_KIND_PHYS_BASE:
	case MSR_KIND_FIXED:
		break;
	}
}

/*
 * SDM "MTRR Feature Identification", "Detecting Support for the PAT Feature":
 * CPUID says whether they are there, and the profile either has both or says
 * nothing. KVM's API, KVM_SET_MSRS: for the host what KVM supports is there.
 */
static bool is_there(const struct model *m, enum agent by, uint32_t msr)
{
	if (kind_of(msr) == MSR_KIND_ABSENT)
		return false;
	if (by == AGENT_HOST || m->scenario->config.cpuid == CPUID_X2APIC)
		return true;
	/* KVM: kvm_mtrr_set_msr and kvm_mtrr_get_msr do not look at CPUID. */
	return in_force(m, ERRATUM_mtrr_without_cpuid) &&
	       decides(m, ERRATUM_mtrr_without_cpuid);
}

/* KVM: kvm_pvm keeps PAT as it is given. */
static bool is_taken(const struct model *m, uint32_t msr, uint64_t value)
{
	return msr_is_legal(msr, value) ||
	       (msr == MSR_pat && in_force(m, ERRATUM_pat_any_value) &&
		decides(m, ERRATUM_pat_any_value));
}

/*
 * KVM: kvm_mtrr_valid, before 6.1, queues a #GP for reserved bits of variable
 * ranges; the instruction's own makes it a double fault. What the host did wrong
 * waits for the guest.
 */
static void tell_guest(const struct model *m, struct model_vcpu *vcpu,
		       const struct op_msr_write *op, struct promise *out)
{
	enum msr_kind kind = kind_of(op->msr);
	bool reserved = (kind == MSR_KIND_PHYS_BASE &&
			 mtrr_type_is_legal((uint8_t)op->value)) ||
			kind == MSR_KIND_PHYS_MASK;

	if (!reserved || !in_force(m, ERRATUM_mtrr_refusal_queued) ||
	    !decides(m, ERRATUM_mtrr_refusal_queued))
		return;
	if (op->by == AGENT_HOST) {
		vcpu->exceptions += vcpu->exceptions < EXCEPTIONS_MAX;
		return;
	}
	out->want.outcome = OUTCOME_EXCEPTION;
	out->want.exception = VECTOR_DF;
}

void model_msr_write(struct model *m, const struct op_msr_write *op,
		     struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	uint32_t i = index_of(op->msr);

	if (!is_there(m, op->by, op->msr)) {
		promise_refused(out, 0);
		return;
	}
	if (!is_taken(m, op->msr, op->value)) {
		promise_refused(out, 0);
		tell_guest(m, vcpu, op, out);
		return;
	}
	promise_accepted(out);
	vcpu->msrs.values[i] = op->value;
	vcpu->msrs.written |= 1ull << i;
}

void model_msr_read(struct model *m, const struct op_msr_read *op,
		    struct promise *out)
{
	const struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	uint32_t i = index_of(op->msr);

	if (!is_there(m, op->by, op->msr)) {
		promise_refused(out, 0);
		return;
	}
	promise_accepted(out);
	if (vcpu->msrs.written >> i & 1)
		out->want.value = vcpu->msrs.values[i];
	else
		value_at_reset(&out->want, &out->care, op->msr);
}
