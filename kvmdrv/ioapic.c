/* The IOAPIC of a full irqchip, by the host; by a guest it is two MOVs. */
#include "kvmdrv/vm.h"

enum { CHIP_IOAPIC = KVM_IRQCHIP_IOAPIC };

/*
 * The register in what KVM gives of the IOAPIC's state; false: it is not there,
 * or it is not all of @out.
 */
static bool get(const struct kvm_ioapic_state *state, uint8_t reg,
		uint32_t *out)
{
	uint64_t bits;

	if (reg == IOAPIC_REG_ID)
		*out = (state->id & IOAPIC_ID_MASK) << IOAPIC_ID_SHIFT;
	if (reg < IOAPIC_REG_ENTRY)
		return reg == IOAPIC_REG_ID;
	bits = state->redirtbl[(reg - IOAPIC_REG_ENTRY) / 2].bits;
	*out = (uint32_t)(reg & 1 ? bits >> 32 : bits);
	return true;
}

static bool set(struct kvm_ioapic_state *state, uint8_t reg, uint32_t value)
{
	__u64 *bits = &state->redirtbl[(reg - IOAPIC_REG_ENTRY) / 2].bits;
	int shift = reg & 1 ? 32 : 0;

	if (reg == IOAPIC_REG_ID)
		state->id = value >> IOAPIC_ID_SHIFT & IOAPIC_ID_MASK;
	if (reg < IOAPIC_REG_ENTRY)
		return reg == IOAPIC_REG_ID;
	*bits = (*bits & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
	return true;
}

struct answer kvmdrv_ioapic_write(struct vm *vm,
				  const struct op_ioapic_write *op)
{
	struct kvm_irqchip chip = { .chip_id = CHIP_IOAPIC };
	int result = try_vm_ioctl(vm, KVM_GET_IRQCHIP, &chip);

	if (result < 0)
		return answer_of_call(result);
	if (!set(&chip.chip.ioapic, op->reg, op->value))
		return (struct answer){ 0 };
	vm->chipset.touched = true;
	vm->chipset.written = true;
	return answer_of_call(try_vm_ioctl(vm, KVM_SET_IRQCHIP, &chip));
}

struct answer kvmdrv_ioapic_read(struct vm *vm, const struct op_ioapic_read *op)
{
	struct kvm_irqchip chip = { .chip_id = CHIP_IOAPIC };
	int result = try_vm_ioctl(vm, KVM_GET_IRQCHIP, &chip);
	struct answer answer = answer_of_call(result);
	uint32_t value = 0;

	if (result >= 0)
		answer.accepted = get(&chip.chip.ioapic, op->reg, &value);
	answer.value = value;
	return answer;
}
