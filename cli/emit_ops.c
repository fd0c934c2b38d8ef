/*
 * Ops as steps of emitted programs, one function an op: a comment, a call whose
 * answer is `result`, and what that is to be. The functions called are in
 * cli/emit/host.c, and in instructions.c for what a guest does. Here: vCPUs,
 * messages, and the VM; registers are in emit_registers.c.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* "the VMM writes SVR of vCPU 0", or "vCPU 0 writes its SVR". */
const char *emit_who_does(char out[WHAT_MAX], enum agent by, uint32_t vcpu,
			  const char *does, const char *what)
{
	if (by == AGENT_GUEST)
		snprintf(out, WHAT_MAX, "vCPU %" PRIu32 " %s its %s", vcpu,
			 does, what);
	else
		snprintf(out, WHAT_MAX, "the VMM %s %s of vCPU %" PRIu32, does,
			 what, vcpu);
	return out;
}

uint32_t emit_number(const struct emission *e)
{
	return e->step + 1;
}

void emit_vcpu_create(struct emission *e, const struct op_vcpu_create *op)
{
	uint32_t vcpu = (uint32_t)scenario_nr_vcpus(e->scenario, e->step);

	emit_comment(e,
		     "Op %" PRIu32 ": create vCPU %" PRIu32
		     ", vcpu_id 0x%" PRIx32 ".",
		     emit_number(e), vcpu, op->vcpu_id);
	emit_statement(e, "result = create_vcpu(%" PRIu32 ", 0x%" PRIx32 ");",
		       vcpu, op->vcpu_id);
	emit_check_result(e, RESULT_CALL, "KVM_CREATE_VCPU");
	if (emit_is_created(e, vcpu) &&
	    e->scenario->config.cpuid == CPUID_X2APIC)
		emit_statement(e, "set_cpuid(%" PRIu32 ", 0x%" PRIx32 ");",
			       vcpu, op->vcpu_id);
}

void emit_takes_events(struct emission *e, uint32_t vcpu)
{
	emit_statement(e, "result = guest_takes_events(%" PRIu32 ", result);",
		       vcpu);
}

void emit_msi(struct emission *e, const struct op_msi *op)
{
	char address[VALUE_TEXT_MAX], data[VALUE_TEXT_MAX];
	char message[VALUE_TEXT_MAX];

	emit_comment(e, "Op %" PRIu32 ": a device sends %s to %s ID 0x%x%s.",
		     emit_number(e), message_text(message, op->data),
		     op->address & MSI_LOGICAL ? "logical" : "physical",
		     (unsigned)(op->address >> MSI_DEST_SHIFT & MSI_DEST_MASK),
		     op->address >> 32 ? ", and more of it above" : "");
	emit_statement(e, "result = signal_msi(%s, %s);",
		       value_text(address, VALUE_MSI_ADDRESS, op->address),
		       value_text(data, VALUE_MSI_DATA, op->data));
	emit_check_result(e, RESULT_MESSAGE, "KVM_SIGNAL_MSI");
}

void emit_x2apic_api_enable(struct emission *e,
			    const struct op_x2apic_api_enable *op)
{
	char flags[VALUE_TEXT_MAX];

	emit_comment(e, "Op %" PRIu32 ": KVM_CAP_X2APIC_API, now.",
		     emit_number(e));
	emit_statement(e, "result = enable_cap(KVM_CAP_X2APIC_API, %s);",
		       value_text(flags, VALUE_X2APIC_API, op->flags));
	emit_check_result(e, RESULT_CALL, "KVM_ENABLE_CAP");
}

/* What is read is written by the caller. */
void emit_observe(struct emission *e, const struct op_observe *op)
{
	(void)e;
	(void)op;
}

void emit_interrupt_take(struct emission *e, const struct op_interrupt_take *op)
{
	emit_comment(e,
		     "Op %" PRIu32 ": vCPU %u enables interrupts and takes "
		     "one.",
		     emit_number(e), op->vcpu);
	emit_statement(e, "result = guest_take_interrupt(%u, &value);",
		       op->vcpu);
	emit_check_guest(e, "STI");
	emit_check_value(e, "vector");
}

void emit_mp_state_set(struct emission *e, const struct op_mp_state_set *op)
{
	char state[VALUE_TEXT_MAX];

	value_text(state, VALUE_MP_STATE, op->state);
	emit_comment(e, "Op %" PRIu32 ": the VMM sets the MP_STATE of vCPU %u.",
		     emit_number(e), op->vcpu);
	emit_statement(e, "result = set_mp_state(%u, %s);", op->vcpu, state);
	emit_check_result(e, RESULT_CALL, "KVM_SET_MP_STATE");
}

void emit_halt(struct emission *e, const struct op_halt *op)
{
	emit_comment(e, "Op %" PRIu32 ": vCPU %u enables interrupts, and HLT.",
		     emit_number(e), op->vcpu);
	emit_statement(e, "result = guest_halt(%u, &value);", op->vcpu);
	emit_check_guest(e, "HLT");
	emit_check_value(e, "vector");
}

/* Flags of KVM_CAP_X2APIC_API that were enabled by ops so far. */
static uint32_t late_flags(const struct emission *e)
{
	uint32_t flags = 0;

	for (uint32_t i = 0; i < e->step; i++)
		if (e->scenario->ops[i].kind == OP_x2apic_api_enable)
			flags |= e->scenario->ops[i].as.x2apic_api_enable.flags;
	return flags;
}

void emit_save_restore(struct emission *e, const struct op_save_restore *op)
{
	char flags[VALUE_TEXT_MAX];

	(void)op;
	emit_comment(e,
		     "Op %" PRIu32 ": all is saved, and restored in a new VM.",
		     emit_number(e));
	emit_statement(e, "result = save_restore(%s);",
		       value_text(flags, VALUE_X2APIC_API, late_flags(e)));
	emit_check_result(e, RESULT_CALL, "save and restore");
}

void emit_gsi_route(struct emission *e, const struct op_gsi_route *op)
{
	char address[VALUE_TEXT_MAX], data[VALUE_TEXT_MAX];
	char message[VALUE_TEXT_MAX];

	emit_comment(e, "Op %" PRIu32 ": GSI %u is now %s to %s ID 0x%x%s.",
		     emit_number(e), op->gsi, message_text(message, op->data),
		     op->address & MSI_LOGICAL ? "logical" : "physical",
		     (unsigned)(op->address >> MSI_DEST_SHIFT & MSI_DEST_MASK),
		     op->address >> 32 ? ", and more of it above" : "");
	emit_statement(e, "result = set_route(%u, %s, %s);", op->gsi,
		       value_text(address, VALUE_MSI_ADDRESS, op->address),
		       value_text(data, VALUE_MSI_DATA, op->data));
	emit_check_result(e, RESULT_CALL, "KVM_SET_GSI_ROUTING");
}

void emit_irq_line(struct emission *e, const struct op_irq_line *op)
{
	emit_comment(e, "Op %" PRIu32 ": GSI %u is set to %u.", emit_number(e),
		     op->gsi, op->level);
	emit_statement(e, "result = set_line(%u, %u, &value);", op->gsi,
		       op->level);
	emit_check_result(e, RESULT_MESSAGE, "KVM_IRQ_LINE_STATUS");
	emit_check_status(e);
}

void emit_op(struct emission *e)
{
	const struct op *op = &e->scenario->ops[e->step];
	int vcpu = op_vcpu(op);

	if (vcpu >= 0 && !emit_is_created(e, (uint32_t)vcpu)) {
		emit_comment(e,
			     "Op %" PRIu32 ": %s, of vCPU %d, which is not "
			     "there.",
			     emit_number(e), op_name(op->kind), vcpu);
		return;
	}
	switch (op->kind) {
#define OP(id, name, fields)                  \
	case OP_##name:                       \
		emit_##name(e, &op->as.name); \
		break;
#include "scenario/ops.def"
	}
}
