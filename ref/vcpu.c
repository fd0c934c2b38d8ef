/* vCPUs: creation, and the INIT and SIPI that they take. */
#include <errno.h>
#include <string.h>

#include "ref/guest.h"
#include "ref/rules.h"

bool vcpu_is_boot(const struct model *m, const struct model_vcpu *vcpu)
{
	return vcpu->vcpu_id == m->scenario->config.boot_vcpu_id;
}

/*
 * SDM "Local APIC State After Power-Up or Reset", and KVM's API: the boot
 * vCPU is runnable, every other waits to be initialized.
 */
static void vcpu_power_up(const struct model *m, struct model_vcpu *vcpu)
{
	bool boot = vcpu_is_boot(m, vcpu);

	vcpu->state.apicbase = APICBASE_ADDRESS_DEFAULT | APICBASE_EN |
			       (boot ? APICBASE_BSP : 0);
	vcpu->state.mp_state = boot ? MP_STATE_RUNNABLE :
				      MP_STATE_UNINITIALIZED;
	vcpu->state.cs_selector = CS_SELECTOR_RESET;
	controls_reset(vcpu);
	lapic_reset(m, vcpu);
	vcpu->state.apic[APIC_REG_id] = (vcpu->vcpu_id & 0xff)
					<< XAPIC_ID_SHIFT;
}

static bool vcpu_id_is_taken(const struct model *m, uint32_t vcpu_id)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].exists && m->vcpus[i].vcpu_id == vcpu_id)
			return true;
	return false;
}

void model_vcpu_create(struct model *m, const struct op_vcpu_create *op,
		       struct promise *out)
{
	bool taken = vcpu_id_is_taken(m, op->vcpu_id);
	struct model_vcpu *vcpu = &m->vcpus[m->nr_vcpus];

	/* KVM: one that is then refused has been made by then. */
	snapshot_take(m);
	m->nr_vcpus++;

	memset(vcpu, 0, sizeof(*vcpu));
	memset(&vcpu->care, 0xff, sizeof(vcpu->care));
	vcpu->vcpu_id = op->vcpu_id;
	vcpu->look.asked = true;
	if (taken) {
		promise_refused(out, EEXIST);
		return;
	}
	vcpu->exists = true;
	vcpu_power_up(m, vcpu);
	promise_accepted(out);
}

void vcpu_forget_unhalted(struct model_vcpu *vcpu)
{
	vcpu->unhalted = false;
	vcpu->unhalted_open = false;
}

void vcpu_set_mp_state(struct model *m, struct model_vcpu *vcpu, uint32_t state)
{
	bool known = vcpu->unhalted || vcpu->unhalted_open;

	vcpu->state.mp_state = state;
	if (state == MP_STATE_RUNNABLE && known &&
	    !(in_force(m, ERRATUM_unhalt_stays) &&
	      decides(m, ERRATUM_unhalt_stays)))
		vcpu_forget_unhalted(vcpu);
}

/*
 * SDM "Local APIC State After an INIT Reset": as after power-up, but for the
 * APIC ID. APICBASE keeps its mode. What else came while the INIT waited is
 * gone with the registers; whether an NMI or SMI is, no manual says.
 */
static void vcpu_take_init(struct model *m, struct model_vcpu *vcpu)
{
	bool bsp = vcpu->state.apicbase & APICBASE_BSP;
	uint32_t icr_high = vcpu->state.apic[APIC_REG_icr_high];
	uint32_t care = vcpu->care.apic[APIC_REG_icr_high];

	lapic_reset(m, vcpu);
	/* KVM: kvm_lapic_reset, where it has ICR as two registers. */
	if (vcpu_mode(vcpu) == APIC_MODE_X2APIC && (icr_high || !care) &&
	    in_force(m, ERRATUM_init_keeps_icr_high) &&
	    decides(m, ERRATUM_init_keeps_icr_high)) {
		vcpu->state.apic[APIC_REG_icr_high] = icr_high;
		vcpu->care.apic[APIC_REG_icr_high] = care;
	}
	vcpu->look = (struct look){ .asked = true };
	vcpu->esr_seen = 0;
	vcpu->esr_unsure = 0;
	vcpu->nmi_blocked = false;
	vcpu->nmi_came = false;
	vcpu->takes_interrupts = false;
	/* KVM: kvm_vcpu_reset drops exceptions, but not the shutdown of three. */
	if (vcpu->exceptions == EXCEPTIONS_MAX)
		m->nothing_is_promised = true;
	vcpu->exceptions = 0;
	if (vcpu->state.nmi_pending)
		vcpu->care.nmi_pending = 0;
	if (vcpu->state.smi_pending)
		vcpu->care.smi_pending = 0;
	vcpu->state.cs_selector = CS_SELECTOR_RESET;
	controls_init(m, vcpu);
	/* Where it is not certain that the INIT came, neither is the event. */
	if (vcpu->undefined)
		m->snapshot.unsure = true;
	else
		snapshot_take(m);
	vcpu_set_mp_state(m, vcpu,
			  bsp ? MP_STATE_RUNNABLE : MP_STATE_INIT_RECEIVED);
}

void vcpu_take_events(struct model *m, struct model_vcpu *vcpu)
{
	if (vcpu->init_pending)
		vcpu_take_init(m, vcpu);
	/* SDM "MP Initialization Protocol": a SIPI counts only after INIT. */
	if (vcpu->sipi_pending &&
	    vcpu->state.mp_state == MP_STATE_INIT_RECEIVED) {
		vcpu->undefined |= vcpu->sipi_unsure;
		vcpu->state.cs_selector = (uint32_t)vcpu->sipi_vector << 8;
		vcpu_set_mp_state(m, vcpu, MP_STATE_RUNNABLE);
	}
	vcpu->init_pending = false;
	vcpu->sipi_pending = false;
}

/*
 * KVM's API, KVM_SET_MP_STATE: the vCPU is in that state from then on, and so
 * is all else as it was. A vCPU that has just received a SIPI waits for one,
 * and takes it; its vector is that of the last one.
 */
void model_mp_state_set(struct model *m, const struct op_mp_state_set *op,
			struct promise *out)
{
	struct model_vcpu *vcpu = &m->vcpus[op->vcpu];
	bool received = op->state == MP_STATE_SIPI_RECEIVED;

	if (op->state == MP_STATE_STOPPED &&
	    !(in_force(m, ERRATUM_mp_state_unchecked) &&
	      decides(m, ERRATUM_mp_state_unchecked))) {
		promise_refused(out, EINVAL);
		return;
	}
	promise_accepted(out);
	vcpu_set_mp_state(m, vcpu,
			  received ? MP_STATE_INIT_RECEIVED : op->state);
	vcpu->sipi_pending |= received;
	interrupts_ask(vcpu, true);
}

/* KVM: KVM_GET_VCPU_EVENTS told only whether an NMI is pending. */
static void restore_events(const struct model *m, struct model_vcpu *vcpu)
{
	if (vcpu->state.nmi_pending > 1 &&
	    in_force(m, ERRATUM_nmi_count_hidden) &&
	    decides(m, ERRATUM_nmi_count_hidden))
		vcpu->state.nmi_pending = 1;
	/* KVM: KVM_SET_VCPU_EVENTS, since ab2ee212a57b. */
	vcpu->nmi_came = vcpu->state.nmi_pending &&
			 !in_force(m, ERRATUM_nmi_count_hidden);
	vcpu->sipi_vector = 0;
	vcpu->sipi_unsure = false;
	/* KVM: KVM_GET_MP_STATE tells of this in HLT only. */
	if (vcpu->state.mp_state == MP_STATE_HALTED && vcpu->unhalted)
		vcpu->state.mp_state = MP_STATE_RUNNABLE;
	vcpu->undefined |= vcpu->state.mp_state == MP_STATE_HALTED &&
			   vcpu->unhalted_open;
	vcpu_forget_unhalted(vcpu);
}

/*
 * KVM's API: all that software can see is saved and restored; but the INIT and
 * the SIPI that wait are taken, as KVM_GET_MP_STATE cannot tell of them.
 */
void model_save_restore(struct model *m, const struct op_save_restore *op,
			struct promise *out)
{
	(void)op;
	promise_accepted(out);
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		struct model_vcpu *vcpu = &m->vcpus[i];

		if (!vcpu->exists)
			continue;
		vcpu_take_events(m, vcpu);
		if (!lapic_is_readable(m, vcpu)) {
			promise_refused(out, EINVAL);
			return;
		}
	}
	if (!chipset_is_restored(m)) {
		promise_refused(out, EINVAL);
		return;
	}
	/* The new VM has a page of its own, and knows where APICs are now. */
	memset(m->apic_page, 0, sizeof(m->apic_page));
	m->page_was_moved = false;
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		struct model_vcpu *vcpu = &m->vcpus[i];

		if (!vcpu->exists)
			continue;
		m->page_was_moved |= apicbase_is_moved(vcpu->state.apicbase);
		lapic_restore(m, vcpu);
		restore_events(m, vcpu);
		/* KVM: kvm_pvm has that where nothing shows it. */
		vcpu->will_shut_down = false;
		vcpu->look = (struct look){ .asked = true };
	}
	memset(m->apic_page, 0, sizeof(m->apic_page));
	snapshot_take(m);
	if (m->scenario->config.irqchip == IRQCHIP_FULL)
		ioapic_restore(m);
}
