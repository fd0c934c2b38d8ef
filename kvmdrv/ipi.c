/* Interrupts that a local APIC sends. */
#include "kvmdrv/vm.h"
#include "scenario/x86.h"

struct answer kvmdrv_icr_write(struct vm *vm, const struct op_icr_write *op)
{
	uint64_t value = (uint64_t)op->dest << 32 | op->low;

	return answer_of_count(try_set_msr(
		vm, op->vcpu, MSR_X2APIC_BASE + APIC_REG_icr, value));
}

struct answer kvmdrv_self_ipi(struct vm *vm, const struct op_self_ipi *op)
{
	return answer_of_count(try_set_msr(
		vm, op->vcpu, MSR_X2APIC_BASE + APIC_REG_self_ipi, op->vector));
}
