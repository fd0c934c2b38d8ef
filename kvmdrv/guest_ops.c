/* Ops that a guest does: as commands of the guest program, and the answers. */
#include "kvmdrv/vm.h"
#include "scenario/x86.h"

static struct guest_command command(enum guest_code code, uint32_t reg,
				    uint64_t value)
{
	return (struct guest_command){ .code = code,
				       .reg = reg,
				       .value = value };
}

static struct guest_command wrmsr(uint32_t msr, uint64_t value)
{
	return command(GUEST_WRMSR, msr, value);
}

static struct guest_command rdmsr(uint32_t msr)
{
	return command(GUEST_RDMSR, msr, 0);
}

static struct guest_command control(uint32_t reg, bool write, uint64_t value)
{
	struct guest_command command = { .value = value };

	switch ((enum control)reg) {
	case CONTROL_CR0:
		command.code = write ? GUEST_CR0_WRITE : GUEST_CR0_READ;
		break;
	case CONTROL_CR4:
		command.code = write ? GUEST_CR4_WRITE : GUEST_CR4_READ;
		break;
	case CONTROL_CR8:
		command.code = write ? GUEST_CR8_WRITE : GUEST_CR8_READ;
		break;
	case CONTROL_EFER:
		command.code = write ? GUEST_WRMSR : GUEST_RDMSR;
		command.reg = MSR_EFER;
		break;
	}
	return command;
}

/* GUEST_EXIT: there is none. */
static struct guest_command command_of(const struct op *op)
{
	switch (op->kind) {
	case OP_interrupt_take:
		return command(GUEST_INTERRUPTS, 0, 0);
	case OP_halt:
		return command(GUEST_STI_HLT, 0, 0);
	case OP_apicbase_write:
		return wrmsr(MSR_IA32_APIC_BASE, op->as.apicbase_write.value);
	case OP_lapic_write:
		return command(GUEST_MMIO_WRITE, 16u * op->as.lapic_write.reg,
			       op->as.lapic_write.value);
	case OP_lapic_read:
		return command(GUEST_MMIO_READ, 16u * op->as.lapic_read.reg, 0);
	case OP_x2apic_write:
		return wrmsr(MSR_X2APIC_BASE + op->as.x2apic_write.reg,
			     op->as.x2apic_write.value);
	case OP_x2apic_read:
		return rdmsr(MSR_X2APIC_BASE + op->as.x2apic_read.reg);
	case OP_icr_write:
		return command(GUEST_ICR, 0,
			       (uint64_t)op->as.icr_write.dest << 32 |
				       op->as.icr_write.low);
	case OP_self_ipi:
		return wrmsr(MSR_X2APIC_BASE + APIC_REG_self_ipi,
			     op->as.self_ipi.vector);
	case OP_ioapic_write:
		return command(GUEST_IOAPIC_WRITE, op->as.ioapic_write.reg,
			       op->as.ioapic_write.value);
	case OP_ioapic_read:
		return command(GUEST_IOAPIC_READ, op->as.ioapic_read.reg, 0);
	case OP_control_write:
		return control(op->as.control_write.reg, true,
			       op->as.control_write.value);
	case OP_control_read:
		return control(op->as.control_read.reg, false, 0);
	case OP_msr_write:
		return wrmsr(op->as.msr_write.msr, op->as.msr_write.value);
	case OP_msr_read:
		return rdmsr(op->as.msr_read.msr);
	case OP_cpuid_read:
		return command(GUEST_CPUID, op->as.cpuid_read.leaf,
			       op->as.cpuid_read.subleaf);
	case OP_vcpu_create:
	case OP_apicbase_restore:
	case OP_msi:
	case OP_gsi_route:
	case OP_irq_line:
	case OP_x2apic_api_enable:
	case OP_observe:
	case OP_mp_state_set:
	case OP_save_restore:
		break;
	}
	return command(GUEST_EXIT, 0, 0);
}

bool guest_command_of(struct guest_command *out, const struct op *op)
{
	if (op_agent(op) != AGENT_GUEST)
		return false;
	*out = command_of(op);
	return out->code != GUEST_EXIT;
}

/* What @op reads, of what its command brought. */
static uint64_t value_read(const struct guest_command *command,
			   const struct op *op)
{
	if (op->kind == OP_cpuid_read)
		return command->result[op->as.cpuid_read.reg];
	return (uint64_t)command->result[1] << 32 | command->result[0];
}

struct answer guest_answer(const struct guest_command *command,
			   const struct op *op)
{
	enum outcome outcome = command->outcome;
	bool done = outcome == OUTCOME_DONE || outcome == OUTCOME_HALTED ||
		    outcome == OUTCOME_RESET;

	return (struct answer){
		.accepted = done,
		.outcome = outcome,
		.exception = command->exception,
		.value = outcome == OUTCOME_EXCEPTION ? command->error_code :
							value_read(command, op),
	};
}

/* Never called: no host does these. */
struct answer kvmdrv_interrupt_take(struct vm *vm,
				    const struct op_interrupt_take *op)
{
	(void)vm;
	(void)op;
	return (struct answer){ 0 };
}

struct answer kvmdrv_halt(struct vm *vm, const struct op_halt *op)
{
	(void)vm;
	(void)op;
	return (struct answer){ 0 };
}
