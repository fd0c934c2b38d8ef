/* The step loop of the model, and what it reports of the machine's state. */
#include "ref/model.h"

#include <string.h>

#include "ref/guest.h"
#include "ref/rules.h"
#include "scenario/check.h"

void promise_accepted(struct promise *out)
{
	out->want.accepted = 1;
	out->want.error = 0;
}

void promise_refused(struct promise *out, uint32_t error)
{
	out->want.accepted = 0;
	out->want.error = error;
}

uint32_t model_choose(struct model *m, uint32_t alternatives)
{
	struct choices *taken = &m->out->choices;
	uint32_t i = taken->nr++;
	uint8_t pick;

	CHECK(alternatives > 0);
	if (i >= CHOICES_MAX)
		return 0;
	pick = m->setup->choices.pick[i];
	if (pick >= alternatives)
		pick = 0;
	taken->pick[i] = pick;
	taken->alternatives[i] = (uint8_t)alternatives;
	taken->step[i] = (uint16_t)m->out->want.nr_steps;
	return pick;
}

void model_report_vcpu(struct model *m, struct model_vcpu *vcpu,
		       struct vcpu_state *want, struct vcpu_state *care)
{
	if (vcpu->exists && !vcpu->ppr_is_stale) {
		uint32_t *apic = vcpu->state.apic;

		apic[APIC_REG_ppr] =
			lapic_ppr(apic[APIC_REG_tpr], &apic[APIC_REG_isr0]);
	}
	*want = vcpu->state;
	*care = vcpu->care;
	if (vcpu->exists)
		want->apic[APIC_REG_id] = vcpu_shown_id(m, vcpu);
	if (vcpu->exists && !lapic_is_readable(m, vcpu)) {
		memset(want->apic, 0, sizeof(want->apic));
		memset(care->apic, 0xff, sizeof(care->apic));
	}
	if (vcpu->undefined || m->nothing_is_promised)
		memset(care, 0, sizeof(*care));
}

/* KVM: KVM_GET_VCPU_EVENTS told only whether an NMI is pending. */
static void hide_count(const struct model *m, struct vcpu_state *want)
{
	if (want->nmi_pending > 1 && in_force(m, ERRATUM_nmi_count_hidden) &&
	    decides(m, ERRATUM_nmi_count_hidden))
		want->nmi_pending = 1;
}

static void report_vcpu(struct model *m, struct model_vcpu *vcpu,
			bool with_mp_state, struct vcpu_state *want,
			struct vcpu_state *care)
{
	if (with_mp_state && vcpu->exists)
		vcpu_take_events(m, vcpu);
	model_report_vcpu(m, vcpu, want, care);
	/* KVM: kvm_vcpu_ioctl_x86_get_vcpu_events, process_nmi. */
	if (vcpu->state.nmi_pending ||
	    (!vcpu->look.asked && in_force(m, ERRATUM_events_read_looks) &&
	     decides(m, ERRATUM_events_read_looks)))
		interrupts_ask(vcpu, vcpu->care.nmi_pending);
	hide_count(m, want);
	if (!with_mp_state)
		care->mp_state = 0;
	if (vcpu->state.mp_state != MP_STATE_HALTED)
		return;
	if (vcpu->unhalted)
		want->mp_state = MP_STATE_RUNNABLE;
	else if (vcpu->unhalted_open)
		care->mp_state = 0;
}

static void report_step(struct model *m, const struct promise *promise,
			bool read_all, bool read_mp_state)
{
	struct observation *want = &m->out->want;
	struct observation *care = &m->out->care;
	uint32_t nr = read_all ? m->nr_vcpus : 0;
	struct step *step = observation_add(want, promise->want, nr);

	observation_add(care,
			m->nothing_is_promised ? (struct answer){ 0 } :
						 promise->care,
			nr);
	for (uint32_t i = 0; i < nr; i++)
		report_vcpu(m, &m->vcpus[i], read_mp_state,
			    &want->states[step->first_state + i],
			    &care->states[step->first_state + i]);
}

/* An op on a vCPU that was refused does nothing. */
static bool op_has_its_vcpu(const struct model *m, const struct op *op)
{
	int vcpu = op_vcpu(op);

	return vcpu < 0 || m->vcpus[vcpu].exists;
}

static void run_op(struct model *m, const struct op *op, struct promise *out)
{
	struct model_vcpu *guest = NULL;

	if (!op_has_its_vcpu(m, op)) {
		promise_refused(out, 0);
		return;
	}
	if (op_agent(op) == AGENT_GUEST)
		guest = &m->vcpus[op_vcpu(op)];
	if (guest && !guest_begin(m, guest, out))
		return;
	switch (op->kind) {
#define OP(id, name, fields)                        \
	case OP_##name:                             \
		model_##name(m, &op->as.name, out); \
		break;
#include "scenario/ops.def"
	}
	if (guest)
		guest_end(m, guest, out);
}

/* Reading is all that it does, and the step loop does that. */
void model_observe(struct model *m, const struct op_observe *op,
		   struct promise *out)
{
	(void)m;
	(void)op;
	promise_accepted(out);
}

void model_run(struct expectation *out, const struct scenario *s,
	       const struct model_setup *setup)
{
	struct model m;
	bool strict = setup->schedule == SCHEDULE_STRICT;
	struct promise end = { 0 };

	memset(&end.care, 0xff, sizeof(end.care));
	m.scenario = s;
	m.setup = setup;
	m.out = out;
	m.x2apic_api = s->config.x2apic_api;
	m.nr_vcpus = 0;
	m.nothing_is_promised = false;
	m.page_was_moved = false;
	m.snapshot.nr_vcpus = 0;
	m.snapshot.ids_are_32bit = false;
	m.snapshot.unsure = false;
	chipset_start(&m.chipset);
	memset(m.apic_page, 0, sizeof(m.apic_page));
	out->choices.nr = 0;
	out->rows = 0;
	observation_start(&out->want);
	observation_start(&out->care);
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];
		bool observe = op->kind == OP_observe;
		struct promise promise = end;

		run_op(&m, op, &promise);
		report_step(&m, &promise, strict || observe, observe);
	}
	report_step(&m, &end, true, true);
}
