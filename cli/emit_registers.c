/* Ops on registers, as steps of emitted programs; see emit_ops.c. */
#include <inttypes.h>
#include <string.h>

#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* What the guest sends to itself by ICR it takes then. */
static void takes_sent(struct emission *e, uint32_t vcpu, uint32_t icr)
{
	uint32_t delivery = icr >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;

	if (delivery == DELIVERY_INIT || delivery == DELIVERY_SIPI ||
	    delivery == DELIVERY_NMI || delivery == DELIVERY_SMI)
		emit_takes_events(e, vcpu);
}

/* After a write of register @slot; an IOAPIC may send again after an EOI. */
static void takes_written(struct emission *e, uint32_t vcpu, uint32_t slot,
			  uint32_t value)
{
	if (slot == APIC_REG_icr)
		takes_sent(e, vcpu, value);
	else if (slot == APIC_REG_eoi &&
		 e->scenario->config.irqchip == IRQCHIP_FULL)
		emit_takes_events(e, vcpu);
}

/* An MSR that is written: a name for people, and as expressions. */
struct msr_write {
	enum agent by;
	uint32_t vcpu;
	const char *name, *msr, *value;
};

/* KVM_SET_MSRS or WRMSR; the caller checks the result of the latter. */
static void write_msr(struct emission *e, const struct msr_write *write)
{
	char what[WHAT_MAX];

	emit_statement(e, "result = %s(%" PRIu32 ", %s, %s);",
		       write->by == AGENT_HOST ? "set_msr" : "guest_wrmsr",
		       write->vcpu, write->msr, write->value);
	if (write->by != AGENT_HOST)
		return;
	snprintf(what, sizeof(what), "KVM_SET_MSRS of %s", write->name);
	emit_check_result(e, RESULT_MSR, what);
}

static void check_guest_of(struct emission *e, const char *instruction,
			   const char *of)
{
	char what[WHAT_MAX];

	snprintf(what, sizeof(what), "%s of %s", instruction, of);
	emit_check_guest(e, what);
}

static const char *mode_text(uint64_t value)
{
	static const char *const names[] = {
		[APIC_MODE_OFF] = "off",
		[APIC_MODE_INVALID] = "a mode that is none",
		[APIC_MODE_XAPIC] = "xAPIC mode",
		[APIC_MODE_X2APIC] = "x2APIC mode",
	};

	return names[apic_mode(value)];
}

void emit_apicbase_write(struct emission *e, const struct op_apicbase_write *op)
{
	enum agent by = (enum agent)op->by;
	char value[VALUE_TEXT_MAX], name[WHAT_MAX];

	emit_comment(e, "Op %" PRIu32 ": %s: %s.", emit_number(e),
		     emit_who_does(name, by, op->vcpu, "writes",
				   "IA32_APIC_BASE"),
		     mode_text(op->value));
	value_text(value, VALUE_APICBASE, op->value);
	write_msr(e, &(struct msr_write){ by, op->vcpu, "IA32_APIC_BASE",
					  "MSR_IA32_APIC_BASE", value });
	if (by == AGENT_GUEST)
		check_guest_of(e, "WRMSR", "IA32_APIC_BASE");
}

void emit_apicbase_restore(struct emission *e,
			   const struct op_apicbase_restore *op)
{
	char value[VALUE_TEXT_MAX];

	emit_comment(e,
		     "Op %" PRIu32 ": the VMM restores IA32_APIC_BASE of vCPU "
		     "%u: %s.",
		     emit_number(e), op->vcpu, mode_text(op->value));
	emit_statement(e, "result = set_apic_base(%u, %s);", op->vcpu,
		       value_text(value, VALUE_APICBASE, op->value));
	emit_check_result(e, RESULT_CALL, "KVM_SET_SREGS");
}

void emit_lapic_write(struct emission *e, const struct op_lapic_write *op)
{
	char value[VALUE_TEXT_MAX], name[NAME_TEXT_MAX], macro[NAME_TEXT_MAX];
	char what[WHAT_MAX];

	register_name(name, op->reg);
	register_macro(macro, op->reg);
	value_text(value, value_kind_of(op->reg), op->value);
	emit_comment(e, "Op %" PRIu32 ": %s, in the APIC page.", emit_number(e),
		     emit_who_does(what, (enum agent)op->by, op->vcpu, "writes",
				   name));
	if (op->by == AGENT_HOST) {
		emit_statement(e, "result = set_apic_register(%u, %s, %s);",
			       op->vcpu, macro, value);
		snprintf(what, sizeof(what), "KVM_SET_LAPIC of %s", name);
		emit_check_result(e, RESULT_CALL, what);
		return;
	}
	emit_statement(e, "result = guest_write_apic(%u, %s, %s);", op->vcpu,
		       macro, value);
	takes_written(e, op->vcpu, op->reg, op->value);
	check_guest_of(e, "MOV", name);
}

void emit_x2apic_write(struct emission *e, const struct op_x2apic_write *op)
{
	enum agent by = (enum agent)op->by;
	char value[VALUE_TEXT_MAX], name[NAME_TEXT_MAX], macro[NAME_TEXT_MAX];
	char msr[WHAT_MAX], what[WHAT_MAX];

	register_name(name, op->reg);
	snprintf(msr, sizeof(msr), "X2APIC_MSR(%s)",
		 register_macro(macro, op->reg));
	emit_comment(e, "Op %" PRIu32 ": %s, as an MSR.", emit_number(e),
		     emit_who_does(what, by, op->vcpu, "writes", name));
	value_text(value, value_kind_of(op->reg), op->value);
	write_msr(e, &(struct msr_write){ by, op->vcpu, name, msr, value });
	if (by == AGENT_HOST)
		return;
	takes_written(e, op->vcpu, op->reg, (uint32_t)op->value);
	check_guest_of(e, "WRMSR", name);
}

/* "an NMI to ID 0x1". */
static void sent_text(char out[VALUE_TEXT_MAX], uint32_t dest, uint32_t low)
{
	static const char *const shorthands[] = {
		[SHORTHAND_SELF] = "to itself",
		[SHORTHAND_ALL] = "to all",
		[SHORTHAND_ALL_BUT_SELF] = "to all but itself",
	};
	uint32_t shorthand = low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK;
	size_t len = strlen(message_text(out, low));

	if (shorthand)
		snprintf(out + len, VALUE_TEXT_MAX - len, " %s",
			 shorthands[shorthand]);
	else
		snprintf(out + len, VALUE_TEXT_MAX - len,
			 " to %s ID 0x%" PRIx32,
			 low & ICR_LOGICAL ? "logical" : "physical", dest);
}

void emit_icr_write(struct emission *e, const struct op_icr_write *op)
{
	enum agent by = (enum agent)op->by;
	char low[VALUE_TEXT_MAX], sent[VALUE_TEXT_MAX];
	char value[VALUE_TEXT_MAX + 32];

	value_text(low, VALUE_ICR, op->low);
	sent_text(sent, op->dest, op->low);
	emit_comment(e, "Op %" PRIu32 ": vCPU %u sends %s%s.", emit_number(e),
		     op->vcpu, sent,
		     by == AGENT_HOST ? ", by the VMM's KVM_SET_MSRS" : "");
	if (by == AGENT_HOST) {
		snprintf(value, sizeof(value), "ICR_DEST(0x%" PRIx32 ") | %s",
			 op->dest, low);
		write_msr(e,
			  &(struct msr_write){ by, op->vcpu, "ICR",
					       "X2APIC_MSR(APIC_ICR)", value });
		return;
	}
	emit_statement(e, "result = guest_send(%u, 0x%" PRIx32 ", %s);",
		       op->vcpu, op->dest, low);
	takes_sent(e, op->vcpu, op->low);
	check_guest_of(e, "write", "ICR");
}

void emit_self_ipi(struct emission *e, const struct op_self_ipi *op)
{
	enum agent by = (enum agent)op->by;
	char value[VALUE_TEXT_MAX], name[WHAT_MAX];

	emit_comment(e, "Op %" PRIu32 ": %s: vector 0x%x.", emit_number(e),
		     emit_who_does(name, by, op->vcpu, "writes", "SELF_IPI"),
		     op->vector);
	value_text(value, VALUE_PLAIN, op->vector);
	write_msr(e, &(struct msr_write){ by, op->vcpu, "SELF_IPI",
					  "X2APIC_MSR(APIC_SELF_IPI)", value });
	if (by == AGENT_GUEST)
		check_guest_of(e, "WRMSR", "SELF_IPI");
}

void emit_lapic_read(struct emission *e, const struct op_lapic_read *op)
{
	char name[NAME_TEXT_MAX], macro[NAME_TEXT_MAX], what[WHAT_MAX];

	register_name(name, op->reg);
	emit_comment(e, "Op %" PRIu32 ": %s, in the APIC page.", emit_number(e),
		     emit_who_does(what, (enum agent)op->by, op->vcpu, "reads",
				   name));
	emit_statement(e, "result = %s(%u, %s, &value);",
		       op->by == AGENT_HOST ? "get_apic_register" :
					      "guest_read_apic",
		       op->vcpu, register_macro(macro, op->reg));
	if (op->by == AGENT_HOST)
		emit_check_result(e, RESULT_CALL, "KVM_GET_LAPIC");
	else
		check_guest_of(e, "MOV", name);
	emit_check_value(e, name);
}

void emit_x2apic_read(struct emission *e, const struct op_x2apic_read *op)
{
	char name[NAME_TEXT_MAX], macro[NAME_TEXT_MAX], what[WHAT_MAX];

	register_name(name, op->reg);
	emit_comment(e, "Op %" PRIu32 ": %s, as an MSR.", emit_number(e),
		     emit_who_does(what, (enum agent)op->by, op->vcpu, "reads",
				   name));
	emit_statement(e, "result = %s(%u, X2APIC_MSR(%s), &value);",
		       op->by == AGENT_HOST ? "get_msr" : "guest_rdmsr",
		       op->vcpu, register_macro(macro, op->reg));
	if (op->by == AGENT_HOST) {
		snprintf(what, sizeof(what), "KVM_GET_MSRS of %s", name);
		emit_check_result(e, RESULT_MSR, what);
	} else {
		check_guest_of(e, "RDMSR", name);
	}
	emit_check_value(e, name);
}

/* "ID", or a half of an entry of the redirection table. */
static const char *ioapic_text(char out[NAME_TEXT_MAX], uint32_t reg)
{
	if (reg == IOAPIC_REG_ID)
		snprintf(out, NAME_TEXT_MAX, "IOAPIC_ID");
	else if (reg < IOAPIC_REG_ENTRY)
		snprintf(out, NAME_TEXT_MAX, "0x%02" PRIx32, reg);
	else
		snprintf(out, NAME_TEXT_MAX,
			 "IOAPIC_ENTRIES + 2 * %" PRIu32 "%s",
			 (reg - IOAPIC_REG_ENTRY) / 2, reg & 1 ? " + 1" : "");
	return out;
}

void emit_ioapic_write(struct emission *e, const struct op_ioapic_write *op)
{
	char reg[NAME_TEXT_MAX];

	ioapic_text(reg, op->reg);
	if (op->by == AGENT_HOST) {
		emit_comment(e,
			     "Op %" PRIu32 ": the VMM writes a register of "
			     "the IOAPIC.",
			     emit_number(e));
		emit_statement(e,
			       "result = set_ioapic_register(%s, 0x%" PRIx32
			       ");",
			       reg, op->value);
		emit_check_result(e, RESULT_MSR, "KVM_SET_IRQCHIP");
		return;
	}
	emit_comment(e,
		     "Op %" PRIu32 ": vCPU %u writes a register of the "
		     "IOAPIC.",
		     emit_number(e), op->vcpu);
	emit_statement(e, "result = guest_write_ioapic(%u, %s, 0x%" PRIx32 ");",
		       op->vcpu, reg, op->value);
	if (e->scenario->config.irqchip == IRQCHIP_FULL)
		emit_takes_events(e, op->vcpu);
	emit_check_guest(e, "MOVs to the IOAPIC");
}

void emit_ioapic_read(struct emission *e, const struct op_ioapic_read *op)
{
	char reg[NAME_TEXT_MAX];

	ioapic_text(reg, op->reg);
	if (op->by == AGENT_HOST) {
		emit_comment(e,
			     "Op %" PRIu32 ": the VMM reads a register of "
			     "the IOAPIC.",
			     emit_number(e));
		emit_statement(e, "result = get_ioapic_register(%s, &value);",
			       reg);
		emit_check_result(e, RESULT_MSR, "KVM_GET_IRQCHIP");
	} else {
		emit_comment(e,
			     "Op %" PRIu32 ": vCPU %u reads a register of "
			     "the IOAPIC.",
			     emit_number(e), op->vcpu);
		emit_statement(e, "result = guest_read_ioapic(%u, %s, &value);",
			       op->vcpu, reg);
		emit_check_guest(e, "MOVs of the IOAPIC");
	}
	emit_check_value(e, "it");
}

static const char *msr_macro(char out[NAME_TEXT_MAX], uint32_t msr)
{
	const char *name = memory_msr_name(msr);

	CHECK(name);
	return name_macro(out, "MSR_", name);
}

void emit_msr_write(struct emission *e, const struct op_msr_write *op)
{
	enum agent by = (enum agent)op->by;
	char value[VALUE_TEXT_MAX], macro[NAME_TEXT_MAX], what[WHAT_MAX];

	msr_macro(macro, op->msr);
	value_text(value, VALUE_PLAIN, op->value);
	emit_comment(e, "Op %" PRIu32 ": %s.", emit_number(e),
		     emit_who_does(what, by, op->vcpu, "writes",
				   macro + strlen("MSR_")));
	emit_statement(e, "result = %s(%u, %s, %s);",
		       by == AGENT_HOST ? "set_memory_msr" : "guest_wrmsr",
		       op->vcpu, macro, value);
	if (by == AGENT_HOST)
		emit_check_result(e, RESULT_MSR, "KVM_SET_MSRS");
	else
		emit_check_guest(e, "WRMSR");
}

void emit_msr_read(struct emission *e, const struct op_msr_read *op)
{
	enum agent by = (enum agent)op->by;
	char macro[NAME_TEXT_MAX], what[WHAT_MAX];

	msr_macro(macro, op->msr);
	emit_comment(e, "Op %" PRIu32 ": %s.", emit_number(e),
		     emit_who_does(what, by, op->vcpu, "reads",
				   macro + strlen("MSR_")));
	emit_statement(e, "result = %s(%u, %s, &value);",
		       by == AGENT_HOST ? "get_msr" : "guest_rdmsr", op->vcpu,
		       macro);
	if (by == AGENT_HOST)
		emit_check_result(e, RESULT_MSR, "KVM_GET_MSRS");
	else
		emit_check_guest(e, "RDMSR");
	emit_check_value(e, macro + strlen("MSR_"));
}

static const struct {
	const char *name, *field;
	enum value_kind kind;
} controls[] = {
	[CONTROL_CR0] = { "CR0", "cr0", VALUE_CR0 },
	[CONTROL_CR4] = { "CR4", "cr4", VALUE_CR4 },
	[CONTROL_CR8] = { "CR8", "cr8", VALUE_PLAIN },
	[CONTROL_EFER] = { "EFER", "efer", VALUE_EFER },
};

void emit_control_write(struct emission *e, const struct op_control_write *op)
{
	enum agent by = (enum agent)op->by;
	char value[VALUE_TEXT_MAX], what[WHAT_MAX];

	value_text(value, controls[op->reg].kind, op->value);
	emit_comment(e, "Op %" PRIu32 ": %s.", emit_number(e),
		     emit_who_does(what, by, op->vcpu, "writes",
				   controls[op->reg].name));
	if (by == AGENT_HOST) {
		emit_statement(e,
			       "result = set_control(%u, "
			       "offsetof(struct kvm_sregs, %s), %s);",
			       op->vcpu, controls[op->reg].field, value);
		emit_check_result(e, RESULT_CALL, "KVM_SET_SREGS");
	} else if (op->reg == CONTROL_EFER) {
		emit_statement(e, "result = guest_wrmsr(%u, MSR_EFER, %s);",
			       op->vcpu, value);
		emit_check_guest(e, "WRMSR");
	} else {
		emit_statement(e, "result = guest_write_%s(%u, %s);",
			       controls[op->reg].field, op->vcpu, value);
		emit_check_guest(e, "MOV");
	}
}

void emit_control_read(struct emission *e, const struct op_control_read *op)
{
	enum agent by = (enum agent)op->by;
	char what[WHAT_MAX];

	emit_comment(e, "Op %" PRIu32 ": %s.", emit_number(e),
		     emit_who_does(what, by, op->vcpu, "reads",
				   controls[op->reg].name));
	if (by == AGENT_HOST) {
		emit_statement(e,
			       "result = get_control(%u, "
			       "offsetof(struct kvm_sregs, %s), &value);",
			       op->vcpu, controls[op->reg].field);
		emit_check_result(e, RESULT_CALL, "KVM_GET_SREGS");
	} else if (op->reg == CONTROL_EFER) {
		emit_statement(e, "result = guest_rdmsr(%u, MSR_EFER, &value);",
			       op->vcpu);
		emit_check_guest(e, "RDMSR");
	} else {
		emit_statement(e, "result = guest_read_%s(%u, &value);",
			       controls[op->reg].field, op->vcpu);
		emit_check_guest(e, "MOV");
	}
	emit_check_value(e, controls[op->reg].name);
}

void emit_cpuid_read(struct emission *e, const struct op_cpuid_read *op)
{
	static const char *const registers[] = {
		[CPUID_EAX] = "eax",
		[CPUID_EBX] = "ebx",
		[CPUID_ECX] = "ecx",
		[CPUID_EDX] = "edx",
	};
	static const char *const indexes[] = {
		[CPUID_EAX] = "EAX",
		[CPUID_EBX] = "EBX",
		[CPUID_ECX] = "ECX",
		[CPUID_EDX] = "EDX",
	};
	enum agent by = (enum agent)op->by;
	char what[WHAT_MAX], leaf[WHAT_MAX];

	snprintf(leaf, sizeof(leaf), "CPUID leaf 0x%" PRIx32, op->leaf);
	emit_comment(e, "Op %" PRIu32 ": %s, subleaf 0x%" PRIx32 ".",
		     emit_number(e),
		     emit_who_does(what, by, op->vcpu, "reads", leaf),
		     op->subleaf);
	if (by == AGENT_HOST) {
		emit_statement(e,
			       "result = get_cpuid(%u, 0x%" PRIx32
			       ", 0x%" PRIx32 ", %s, &value);",
			       op->vcpu, op->leaf, op->subleaf,
			       indexes[op->reg]);
		emit_check_result(e, RESULT_MSR, "KVM_GET_CPUID2");
	} else {
		emit_statement(e,
			       "result = guest_cpuid(%u, 0x%" PRIx32
			       ", 0x%" PRIx32 ");",
			       op->vcpu, op->leaf, op->subleaf);
		emit_statement(e, "value = mailbox->%s;", registers[op->reg]);
		emit_check_guest(e, "CPUID");
	}
	emit_check_value(e, indexes[op->reg]);
}
