/* Ops that a guest does: as commands of the guest program, and the answers. */
#include "kvmdrv/vm.h"
#include "scenario/x86.h"

static struct guest_command wrmsr(uint32_t msr, uint64_t value)
{
	return (struct guest_command){ .code = GUEST_WRMSR,
				       .reg = msr,
				       .value = value };
}

static struct guest_command control_command(enum control reg, bool write,
					    uint64_t value)
{
	struct guest_command command = { .value = value };

	switch (reg) {
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

static struct guest_command ioapic(enum guest_code code, uint32_t reg,
				   uint32_t value)
{
	return (struct guest_command){ .code = code,
				       .reg = reg,
				       .value = value };
}

bool guest_command_of(struct guest_command *out, const struct op *op)
{
	if (op_agent(op) != AGENT_GUEST)
		return false;
	switch (op->kind) {
	case OP_interrupt_take:
		*out = (struct guest_command){ .code = GUEST_INTERRUPTS };
		return true;
	case OP_halt:
		*out = (struct guest_command){ .code = GUEST_STI_HLT };
		return true;
	case OP_apicbase_write:
		*out = wrmsr(MSR_IA32_APIC_BASE, op->as.apicbase_write.value);
		return true;
	case OP_lapic_write:
		*out = (struct guest_command){
			.code = GUEST_MMIO_WRITE,
			.reg = (uint32_t)op->as.lapic_write.reg * 16,
			.value = op->as.lapic_write.value,
		};
		return true;
	case OP_x2apic_write:
		*out = wrmsr(MSR_X2APIC_BASE + op->as.x2apic_write.reg,
			     op->as.x2apic_write.value);
		return true;
	case OP_lapic_read:
		*out = (struct guest_command){
			.code = GUEST_MMIO_READ,
			.reg = (uint32_t)op->as.lapic_read.reg * 16,
		};
		return true;
	case OP_x2apic_read:
		*out = (struct guest_command){
			.code = GUEST_RDMSR,
			.reg = MSR_X2APIC_BASE + op->as.x2apic_read.reg,
		};
		return true;
	case OP_icr_write:
		*out = (struct guest_command){
			.code = GUEST_ICR,
			.value = (uint64_t)op->as.icr_write.dest << 32 |
				 op->as.icr_write.low,
		};
		return true;
	case OP_ioapic_write:
		*out = ioapic(GUEST_IOAPIC_WRITE, op->as.ioapic_write.reg,
			      op->as.ioapic_write.value);
		return true;
	case OP_ioapic_read:
		*out = ioapic(GUEST_IOAPIC_READ, op->as.ioapic_read.reg, 0);
		return true;
	case OP_self_ipi:
		*out = wrmsr(MSR_X2APIC_BASE + APIC_REG_self_ipi,
			     op->as.self_ipi.vector);
		return true;
	case OP_control_write:
		*out = control_command((enum control)op->as.control_write.reg,
				       true, op->as.control_write.value);
		return true;
	case OP_control_read:
		*out = control_command((enum control)op->as.control_read.reg,
				       false, 0);
		return true;
	case OP_msr_write:
		*out = wrmsr(op->as.msr_write.msr, op->as.msr_write.value);
		return true;
	case OP_msr_read:
		*out = (struct guest_command){ .code = GUEST_RDMSR,
					       .reg = op->as.msr_read.msr };
		return true;
	case OP_cpuid_read:
		*out = (struct guest_command){
			.code = GUEST_CPUID,
			.reg = op->as.cpuid_read.leaf,
			.value = op->as.cpuid_read.subleaf,
		};
		return true;
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
	return false;
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
