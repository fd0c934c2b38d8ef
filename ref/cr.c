/*
 * CR0, CR4, CR8 and EFER: what they take, by an instruction of a guest and by
 * KVM_SET_SREGS, and what becomes of them as the guest program starts.
 */
#include "ref/cr.h"

#include <errno.h>
#include <string.h>

#include "ref/guest.h"
#include "scenario/guest_memory.h"

/* SDM "Control Registers", APM "CR0 Register": the others are reserved. */
#define CR0_DEFINED                                                     \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | \
	 CR0_AM | CR0_NW | CR0_CD | CR0_PG)

/* What every processor has that has long mode. */
#define CR4_OLD                                                               \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | \
	 CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define EFER_OLD EFER_SCE

/* What CPUID leaves 1 and 7 have, some processors' more of it than others'. */
#define CR4_NEW                                                        \
	(CR4_UMIP | CR4_LA57 | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP | \
	 CR4_SMAP | CR4_PKE | CR4_CET)

#define CR8_DEFINED 0xfull

/*
 * SDM "MOV--Move to/from Control Registers": bits 63:32 must be 0, NW needs CD
 * and PG needs PE.
 */
bool cr0_is_legal(uint64_t value)
{
	return !(value >> 32) && (!(value & CR0_NW) || value & CR0_CD) &&
	       (!(value & CR0_PG) || value & CR0_PE);
}

/* The same: other reserved bits stay clear, and ET set, whatever is written. */
uint64_t cr0_loaded(uint64_t value)
{
	return (value & CR0_DEFINED) | CR0_ET;
}

/* SDM "IA-32e Mode", APM "Long-Mode Active Bit": LME and paging make it. */
static uint64_t with_lma(uint64_t efer, uint64_t cr0)
{
	if (efer & EFER_LME && cr0 & CR0_PG)
		return efer | EFER_LMA;
	return efer & ~EFER_LMA;
}

/*
 * SDM "Initializing IA-32e Mode": with LME paging needs PAE. SDM "MOV--Move
 * to/from Control Registers": paging is not turned off in 64-bit mode, nor
 * with PCIDE; CET needs WP.
 */
bool cr0_write_is_legal(const struct controls *now, uint64_t value,
			bool is_64bit)
{
	if (!cr0_is_legal(value))
		return false;
	if (now->cr4 & CR4_CET && !(value & CR0_WP))
		return false;
	if (value & CR0_PG)
		return !(now->efer & EFER_LME) || now->cr4 & CR4_PAE;
	return !is_64bit && !(now->cr4 & CR4_PCIDE);
}

/*
 * SDM "MOV--Move to/from Control Registers": no bit that is reserved, PAE stays
 * as long as long mode is active, as does LA57, PCIDE is for long mode only,
 * and CET needs WP.
 */
bool cr4_write_is_legal(const struct controls *now, uint64_t value,
			uint64_t allowed)
{
	bool active = now->efer & EFER_LMA;

	return !(value & ~allowed) && (!active || value & CR4_PAE) &&
	       (active || !(value & CR4_PCIDE)) &&
	       (!active || !((now->cr4 ^ value) & CR4_LA57)) &&
	       (now->cr0 & CR0_WP || !(value & CR4_CET));
}

/*
 * SDM "Extended Feature Enable Register", APM "Extended Feature Enable Register
 * (EFER)": LMA is read-only; LME does not change while paging is on.
 */
bool efer_write_is_legal(const struct controls *now, uint64_t value,
			 uint64_t allowed)
{
	if (value & ~(allowed | EFER_LMA))
		return false;
	return !(now->cr0 & CR0_PG) || !((now->efer ^ value) & EFER_LME);
}

/* Do they fit one another: can a processor be in such a state? */
bool controls_are_consistent(const struct controls *c)
{
	bool active = c->efer & EFER_LMA;

	return active == (c->efer & EFER_LME && c->cr0 & CR0_PG) &&
	       (!active || c->cr4 & CR4_PAE) &&
	       (active || !(c->cr4 & CR4_PCIDE)) &&
	       (c->cr0 & CR0_WP || !(c->cr4 & CR4_CET));
}

static bool guest_has_cpuid(const struct model *m)
{
	return m->scenario->config.cpuid == CPUID_X2APIC;
}

/* KVM: cr4_guest_rsvd_bits and efer_reserved_bits ask CPUID of newer ones. */
static uint64_t without_cpuid(const struct model *m, uint64_t value,
			      uint64_t allowed, uint64_t old)
{
	if (value & old & ~allowed &&
	    in_force(m, ERRATUM_old_features_without_cpuid) &&
	    decides(m, ERRATUM_old_features_without_cpuid))
		return allowed | old;
	return allowed;
}

/*
 * SDM "Control Registers", "CPUID Qualification of Control Register Flags": a
 * flag is there if CPUID says so; PCE always is. Of what there are flags for,
 * the profile has PAE and long mode.
 */
static uint64_t cr4_allowed(const struct model *m, uint64_t value)
{
	return without_cpuid(m, value,
			     CR4_PCE | (guest_has_cpuid(m) ? CR4_PAE : 0),
			     CR4_OLD);
}

static uint64_t efer_allowed(const struct model *m, uint64_t value)
{
	return without_cpuid(m, value, guest_has_cpuid(m) ? EFER_LME : 0,
			     EFER_OLD);
}

/*
 * KVM: kvm_pvm has the host's leaves 1 and 7 in the guest's CPUID. Which host
 * that is is not known: what is written is taken, or it is not.
 */
static bool host_may_have(const struct model *m, uint64_t value)
{
	return value & CR4_NEW && in_force(m, ERRATUM_cpuid_of_host) &&
	       decides(m, ERRATUM_cpuid_of_host);
}

static uint64_t cr4_written(struct model *m, uint64_t now, uint64_t value)
{
	uint64_t allowed = cr4_allowed(m, value);
	uint64_t added = value & ~now & ~allowed;

	if (!host_may_have(m, value))
		return allowed;
	/* What is there already is known to be taken. */
	if (added & CR4_NEW && model_choose(m, 2) == 1)
		return allowed;
	return allowed | CR4_NEW;
}

static struct controls controls_of(const struct model_vcpu *vcpu)
{
	return (struct controls){ .cr0 = vcpu->state.cr0,
				  .cr4 = vcpu->state.cr4,
				  .efer = vcpu->state.efer };
}

/* What the manuals do not know, but KVM_SET_SREGS may have left. */
static bool is_strange(const struct model *m, const struct model_vcpu *vcpu)
{
	struct controls c = controls_of(vcpu);

	uint64_t cr4 = cr4_allowed(m, c.cr4) |
		       (host_may_have(m, c.cr4) ? CR4_NEW : 0);

	/* The program's page tables have four levels. */
	return !cr0_is_legal(c.cr0) || !controls_are_consistent(&c) ||
	       c.cr4 & ~cr4 || c.cr4 & CR4_LA57 ||
	       c.efer & ~(efer_allowed(m, c.efer) | EFER_LMA);
}

bool guest_is_long(const struct model *m)
{
	return m->scenario->config.guest == GUEST_LONG;
}

/*
 * The program, kvmdrv/guest.S: in protected mode it runs without paging, and in
 * long mode it makes what that needs.
 */
void guest_enter(struct model *m, struct model_vcpu *vcpu)
{
	struct vcpu_state *s = &vcpu->state;

	if (is_strange(m, vcpu))
		m->nothing_is_promised = true;
	/* No manual says what an instruction makes of them, or that it does. */
	vcpu->care.cr0 &= ~(s->cr0 ^ cr0_loaded(s->cr0));
	s->cr0 = cr0_loaded(s->cr0) | CR0_PE;
	s->cs_selector = guest_is_long(m) ? GUEST_CS64 : GUEST_CS32;
	if (guest_is_long(m)) {
		s->cr0 |= CR0_PG;
		s->cr4 |= CR4_PAE;
		s->efer |= EFER_LME;
	} else {
		s->cr0 &= ~CR0_PG;
	}
	s->efer = with_lma(s->efer, s->cr0);
}

/*
 * SDM "Processor State After Reset", its table; APM "Initial Processor State".
 */
void controls_reset(struct model_vcpu *vcpu)
{
	vcpu->state.cr0 = CR0_ET | CR0_NW | CR0_CD;
	vcpu->care.cr0 = UINT64_MAX;
	vcpu->state.cr4 = 0;
	vcpu->state.efer = 0;
}

/* The same table: INIT leaves CD and NW as they are. */
void controls_init(const struct model *m, struct model_vcpu *vcpu)
{
	uint64_t kept = vcpu->state.cr0 & (CR0_NW | CR0_CD);

	controls_reset(vcpu);
	/* KVM: svm_vcpu_reset, vmx_vcpu_reset did the same for both. */
	if (kept != (CR0_NW | CR0_CD) && in_force(m, ERRATUM_init_sets_cd_nw) &&
	    decides(m, ERRATUM_init_sets_cd_nw))
		return;
	vcpu->state.cr0 = CR0_ET | kept;
}

/* SDM "Task Priority in IA-32e Mode": CR8 is TPR[7:4]; TPR[3:0] is cleared. */
static void load_cr8(struct model_vcpu *vcpu, uint64_t value)
{
	vcpu->state.apic[APIC_REG_tpr] = (uint32_t)value << 4;
	lapic_compute_ppr(vcpu);
}

/*
 * KVM_SET_SREGS brings CR8 along. SDM "Task Priority in IA-32e Mode": CR8 is
 * TPR[7:4], and loading it clears TPR[3:0].
 */
void sregs_written(struct model *m, struct model_vcpu *vcpu, uint64_t cr8)
{
	uint32_t ppr = interrupts_ppr(vcpu);

	if (!(cr8 & ~CR8_DEFINED))
		load_cr8(vcpu, cr8);
	interrupts_ask_if_lower(vcpu, ppr);
	if (in_force(m, ERRATUM_sregs_looks) && decides(m, ERRATUM_sregs_looks))
		interrupts_ask(vcpu, true);
	/* KVM: __set_sregs_common, for the boot vCPU at its reset vector. */
	if (in_force(m, ERRATUM_sregs_makes_bsp_runnable) &&
	    vcpu->state.apicbase & APICBASE_BSP &&
	    !(vcpu->state.cr0 & CR0_PE) &&
	    vcpu->state.cs_selector == CS_SELECTOR_RESET &&
	    decides(m, ERRATUM_sregs_makes_bsp_runnable))
		vcpu_set_mp_state(m, vcpu, MP_STATE_RUNNABLE);
}

uint64_t cr8_of(const struct model_vcpu *vcpu)
{
	return vcpu->state.apic[APIC_REG_tpr] >> 4 & CR8_DEFINED;
}

/*
 * KVM: kvm_pvm has no page tables of 32 bits or with PAE. By an instruction
 * that is #GP, and KVM_SET_SREGS leaves PG clear and lets the vCPU shut down
 * when it runs.
 */
static bool lacks_paging(const struct model *m, uint64_t cr0, uint64_t efer)
{
	return cr0 & CR0_PG && !(efer & EFER_LME) &&
	       in_force(m, ERRATUM_no_legacy_paging) &&
	       decides(m, ERRATUM_no_legacy_paging);
}

/* What a MOV moves: in protected mode it has 32 bits. */
static uint64_t moved(const struct model *m, const struct op_control_write *op)
{
	bool emulated = op->reg == CONTROL_CR0 || op->reg == CONTROL_CR4;

	if (op->reg == CONTROL_EFER || !(op->value >> 32))
		return op->value;
	/* KVM: emulator_set_cr keeps the upper half as it is. */
	if (!guest_is_long(m) ||
	    (emulated && in_force(m, ERRATUM_cr_high_bits_dropped) &&
	     decides(m, ERRATUM_cr_high_bits_dropped)))
		return (uint32_t)op->value;
	return op->value;
}

/* KVM: svm_set_cr8_intercept; what is not intercepted the emulator takes. */
static bool cr8_is_taken(struct model *m, uint64_t value)
{
	return !(value & ~CR8_DEFINED) ||
	       (in_force(m, ERRATUM_cr8_reserved_ignored) &&
		decides(m, ERRATUM_cr8_reserved_ignored) &&
		model_choose(m, 2) == 0);
}

/*
 * KVM: kvm_set_cr0 did not ask for 64-bit mode. The program then runs no more;
 * how it ends is not known.
 */
static bool leaves_64_bit_mode(struct model *m, struct model_vcpu *vcpu,
			       uint64_t value, struct promise *out)
{
	struct controls now = controls_of(vcpu);

	if (!guest_is_long(m) || cr0_write_is_legal(&now, value, true) ||
	    !cr0_write_is_legal(&now, value, false) ||
	    !in_force(m, ERRATUM_pg_cleared_in_64bit) ||
	    !decides(m, ERRATUM_pg_cleared_in_64bit))
		return false;
	vcpu->state.cr0 = cr0_loaded(value);
	vcpu->state.efer = with_lma(vcpu->state.efer, value);
	vcpu->care.cs_selector = 0;
	vcpu->has_shut_down = true;
	memset(&out->care, 0, sizeof(out->care));
	return true;
}

/* False: #GP. */
static bool write_by_guest(struct model *m, struct model_vcpu *vcpu,
			   const struct op_control_write *op)
{
	struct controls now = controls_of(vcpu);
	struct vcpu_state *s = &vcpu->state;
	bool is_long = guest_is_long(m);
	uint64_t value = moved(m, op);

	switch ((enum control)op->reg) {
	case CONTROL_CR0:
		if (!cr0_write_is_legal(&now, value, is_long) ||
		    lacks_paging(m, value, now.efer))
			return false;
		s->cr0 = cr0_loaded(value);
		s->efer = with_lma(s->efer, s->cr0);
		if (!is_long)
			s->cs_selector = s->cr0 & CR0_PE ? GUEST_CS16 :
							   GUEST_CS_REAL;
		return true;
	case CONTROL_CR4:
		if (!cr4_write_is_legal(&now, value,
					cr4_written(m, now.cr4, value)))
			return false;
		s->cr4 = value;
		return true;
	case CONTROL_CR8:
		if (!cr8_is_taken(m, value))
			return false;
		load_cr8(vcpu, value & CR8_DEFINED);
		vcpu->care.apic[APIC_REG_tpr] = UINT32_MAX;
		lapic_compute_ppr(vcpu);
		return true;
	case CONTROL_EFER:
		if (!efer_write_is_legal(&now, value, efer_allowed(m, value)))
			return false;
		s->efer = (value & ~EFER_LMA) | (s->efer & EFER_LMA);
		return true;
	}
	return false;
}

static bool takes_unchecked(const struct model *m, enum erratum row)
{
	return in_force(m, row) && decides(m, row);
}

/*
 * KVM's API: KVM_SET_SREGS writes them. What it does with what no processor
 * takes the API does not say: it is refused, as an instruction would be, and
 * what is read-only to software may be written only as it has to be.
 */
static bool sregs_are_accepted(struct model *m, const struct controls *now,
			       const struct controls *next)
{
	if (!controls_are_consistent(next) ||
	    next->cr4 & ~cr4_written(m, now->cr4, next->cr4))
		return false;
	if (!cr0_is_legal(next->cr0) &&
	    !takes_unchecked(m, ERRATUM_sregs_cr0_unchecked))
		return false;
	return !(next->efer & ~(efer_allowed(m, next->efer) | EFER_LMA)) ||
	       takes_unchecked(m, ERRATUM_sregs_efer_unchecked);
}

/* The program is to start in the mode that this is; see kvmdrv/cr.c. */
static uint32_t program_cs(const struct model_vcpu *vcpu)
{
	uint32_t cs = vcpu->state.cs_selector;

	if (vcpu->state.cr0 & CR0_PE)
		return vcpu->state.efer & EFER_LMA ? GUEST_CS64 : GUEST_CS32;
	return GUEST_IS_CS(cs) ? CS_SELECTOR_RESET : cs;
}

static void write_by_host(struct model *m, struct model_vcpu *vcpu,
			  const struct op_control_write *op,
			  struct promise *out)
{
	struct controls now = controls_of(vcpu), next = now;
	bool is_cr8 = op->reg == CONTROL_CR8;
	bool drops = is_cr8 && op->value & ~CR8_DEFINED;

	if (op->reg == CONTROL_CR0)
		next.cr0 = op->value;
	if (op->reg == CONTROL_CR4)
		next.cr4 = op->value;
	if (op->reg == CONTROL_EFER)
		next.efer = op->value;
	if (!sregs_are_accepted(m, &now, &next) ||
	    (drops && !takes_unchecked(m, ERRATUM_sregs_cr8_dropped))) {
		promise_refused(out, EINVAL);
		return;
	}
	promise_accepted(out);
	if (next.cr0 != cr0_loaded(next.cr0) &&
	    !takes_unchecked(m, ERRATUM_sregs_cr0_unmasked))
		next.cr0 = cr0_loaded(next.cr0);
	if (lacks_paging(m, next.cr0, next.efer)) {
		next.cr0 &= ~CR0_PG;
		vcpu->will_shut_down = true;
	}
	vcpu->state.cr0 = next.cr0;
	if (op->reg == CONTROL_CR0)
		vcpu->care.cr0 = UINT64_MAX;
	vcpu->state.cr4 = next.cr4;
	vcpu->state.efer = next.efer;
	sregs_written(m, vcpu, is_cr8 ? op->value : cr8_of(vcpu));
	/* It starts again, with interrupts disabled, if it is to at all. */
	if (vcpu->state.cr0 & CR0_PE || GUEST_IS_CS(vcpu->state.cs_selector)) {
		vcpu->takes_interrupts = false;
		/* KVM: KVM_SET_REGS. */
		interrupts_ask(vcpu, true);
	}
	vcpu->state.cs_selector = program_cs(vcpu);
}

static bool is_cr8_without_long_mode(const struct model *m, enum agent by,
				     enum control reg, struct promise *out)
{
	if (by == AGENT_HOST || reg != CONTROL_CR8 || guest_is_long(m))
		return false;
	promise_refused(out, 0);
	out->want.outcome = OUTCOME_IMPOSSIBLE;
	return true;
}

void model_control_write(struct model *m, const struct op_control_write *op,
			 struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];

	if (is_cr8_without_long_mode(m, op->by, op->reg, out))
		return;
	if (op->by == AGENT_HOST)
		write_by_host(m, vcpu, op, out);
	else if ((op->reg == CONTROL_CR0 &&
		  leaves_64_bit_mode(m, vcpu, moved(m, op), out)) ||
		 write_by_guest(m, vcpu, op))
		promise_accepted(out);
	else
		promise_refused(out, 0);
}

void model_control_read(struct model *m, const struct op_control_read *op,
			struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	const struct vcpu_state *want = &vcpu->state, *care = &vcpu->care;

	if (is_cr8_without_long_mode(m, op->by, op->reg, out))
		return;
	switch ((enum control)op->reg) {
	case CONTROL_CR0:
		promise_value(out, want->cr0, care->cr0);
		break;
	case CONTROL_CR4:
		promise_value(out, want->cr4, care->cr4);
		break;
	case CONTROL_CR8:
		promise_value(out, cr8_of(vcpu),
			      ~CR8_DEFINED | care->apic[APIC_REG_tpr] >> 4);
		break;
	case CONTROL_EFER:
		promise_value(out, want->efer, care->efer);
		break;
	}
	if (vcpu->undefined)
		out->care.value = 0;
}
