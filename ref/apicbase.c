/*
 * IA32_APIC_BASE: which values it takes, and what changes with the mode of
 * the local APIC.
 */
#include <errno.h>
#include <string.h>

#include "ref/guest.h"
#include "ref/rules.h"
#include "scenario/cpuid.h"

/* Bits 7:0 and 9, and those at and above MAXPHYADDR. */
#define APICBASE_RESERVED (0x2ffull | ~((1ull << MAXPHYADDR) - 1))
_Static_assert(MAXPHYADDR < 64, "a shift");

/*
 * SDM "Local APIC Status and Location"; SDM "x2APIC State Transitions":
 * EXTD without EN is invalid, and EXTD is reserved where CPUID.01H:ECX.x2APIC
 * is clear.
 */
bool apicbase_is_legal(uint64_t value, bool guest_has_x2apic)
{
	if (value & APICBASE_RESERVED)
		return false;
	if (apic_mode(value) == APIC_MODE_INVALID)
		return false;
	return guest_has_x2apic || !(value & APICBASE_EXTD);
}

bool apicbase_is_moved(uint64_t value)
{
	return value & APICBASE_EN &&
	       (value & ~0xfffull) != APICBASE_ADDRESS_DEFAULT;
}

/*
 * SDM "Enabling or Disabling the Local APIC": when the APIC is disabled,
 * earlier initialization may be lost and the APIC may return to its state
 * after power-up. SDM "x2APIC State Transitions": the IDs are kept.
 */
static void apic_disabled(struct model *m, struct model_vcpu *vcpu,
			  enum apic_mode from)
{
	struct model_vcpu reset = *vcpu;

	lapic_reset(m, &reset);
	reset.state.apic[APIC_REG_ldr] = 0;
	if (memcmp(&reset.state, &vcpu->state, sizeof(reset.state)) &&
	    model_choose(m, 2) == 1)
		*vcpu = reset;
	/*
	 * How the IDs and the wider half of ICR show where there is no mode
	 * is not defined.
	 */
	if (from == APIC_MODE_X2APIC) {
		vcpu->care.apic[APIC_REG_id] = 0;
		vcpu->care.apic[APIC_REG_icr_high] = 0;
	}
}

/*
 * KVM: before 052c3b99cbc8 a host that forced x2APIC -> xAPIC left the ID as it
 * was, and so saw no need to make the routing table again.
 */
static bool forced_id_is_kept(const struct model *m, enum apic_mode from,
			      enum apic_mode to)
{
	return from == APIC_MODE_X2APIC && to == APIC_MODE_XAPIC &&
	       in_force(m, ERRATUM_xapic_id_keeps_32bit) &&
	       decides(m, ERRATUM_xapic_id_keeps_32bit);
}

/*
 * SDM "Local APIC ID": the initial xAPIC ID is the low 8 bits of the x2APIC
 * ID. After xAPIC -> off -> xAPIC it may be the initial one or what software
 * had written, see apic_disabled(). KVM's API lets the host force x2APIC ->
 * xAPIC, which no guest can do: the 8-bit ID is then the initial one.
 */
static void xapic_enabled(struct model *m, struct model_vcpu *vcpu,
			  enum apic_mode from)
{
	uint32_t initial = (vcpu->vcpu_id & 0xff) << XAPIC_ID_SHIFT;
	uint32_t *id = &vcpu->state.apic[APIC_REG_id];

	if (from == APIC_MODE_X2APIC)
		vcpu->care.apic[APIC_REG_icr_high] = 0;
	if (forced_id_is_kept(m, from, APIC_MODE_XAPIC))
		initial = vcpu->x2apic_id;
	if (from == APIC_MODE_OFF && vcpu->care.apic[APIC_REG_id] &&
	    *id != initial && model_choose(m, 2) == 1)
		return;
	*id = initial;
	vcpu->care.apic[APIC_REG_id] = UINT32_MAX;
}

/*
 * SDM "State Changes From xAPIC Mode to x2APIC Mode": registers keep their
 * values but for ID, LDR and the upper half of ICR. The x2APIC ID is
 * vcpu_id (KVM's API), whatever software wrote to the xAPIC ID.
 */
static void x2apic_enabled(struct model_vcpu *vcpu)
{
	vcpu->x2apic_id = vcpu->vcpu_id;
	vcpu->state.apic[APIC_REG_ldr] = x2apic_ldr(vcpu->vcpu_id);
	vcpu->care.apic[APIC_REG_ldr] = UINT32_MAX;
	vcpu->care.apic[APIC_REG_id] = UINT32_MAX;
	vcpu->care.apic[APIC_REG_icr_high] = 0;
}

/*
 * SDM "x2APIC State Transitions": from x2APIC mode to off only, and to x2APIC
 * mode from xAPIC mode only; what holds for software does not for the host,
 * which restores (KVM's API).
 */
static bool guest_may_go(enum apic_mode from, enum apic_mode to)
{
	return from == to ||
	       !((from == APIC_MODE_X2APIC && to == APIC_MODE_XAPIC) ||
		 (from == APIC_MODE_OFF && to == APIC_MODE_X2APIC));
}

/* False: refused, and nothing changed. */
static bool apicbase_set(struct model *m, struct model_vcpu *vcpu,
			 uint64_t value)
{
	bool guest_has_x2apic = m->scenario->config.cpuid == CPUID_X2APIC;
	enum apic_mode from = vcpu_mode(vcpu);
	enum apic_mode to = apic_mode(value);

	if (!apicbase_is_legal(value, guest_has_x2apic))
		return false;
	vcpu->state.apicbase = value;
	m->page_was_moved |= apicbase_is_moved(value);
	if (from == to)
		return true;
	switch (to) {
	case APIC_MODE_OFF:
		apic_disabled(m, vcpu, from);
		break;
	case APIC_MODE_XAPIC:
		xapic_enabled(m, vcpu, from);
		break;
	case APIC_MODE_X2APIC:
		x2apic_enabled(vcpu);
		break;
	case APIC_MODE_INVALID:
		break;
	}
	if (!forced_id_is_kept(m, from, to))
		snapshot_take(m);
	return true;
}

void model_apicbase_write(struct model *m, const struct op_apicbase_write *op,
			  struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];

	if ((op->by == AGENT_HOST ||
	     guest_may_go(vcpu_mode(vcpu), apic_mode(op->value))) &&
	    apicbase_set(m, vcpu, op->value))
		promise_accepted(out);
	else
		promise_refused(out, 0);
}

/* KVM's API: KVM_SET_SREGS. */
void model_apicbase_restore(struct model *m,
			    const struct op_apicbase_restore *op,
			    struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];

	if (!apicbase_set(m, vcpu, op->value)) {
		promise_refused(out, EINVAL);
		return;
	}
	promise_accepted(out);
	sregs_written(m, vcpu, cr8_of(vcpu));
}
