/* Scenarios made such that a VM that waits can run them. */
#include "fuzz/shape.h"

#include <string.h>

#include "scenario/x86.h"

void shape_take(struct shape *out, const struct scenario *s)
{
	out->config = s->config;
	out->nr_vcpus = 0;
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_vcpu_create &&
		    out->nr_vcpus < SHAPE_VCPUS_MAX)
			out->vcpu_ids[out->nr_vcpus++] =
				s->ops[i].as.vcpu_create.vcpu_id;
}

/* A new APIC comes before the first message, as in any guest. */
static bool sends_first(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		switch (s->ops[i].kind) {
		case OP_lapic_write:
			if (op_agent(&s->ops[i]) == AGENT_HOST)
				return false;
			if (s->ops[i].as.lapic_write.reg == APIC_REG_icr)
				return true;
			break;
		case OP_save_restore:
			return false;
		case OP_msi:
		case OP_irq_line:
		case OP_ioapic_write:
		case OP_icr_write:
		case OP_self_ipi:
		case OP_x2apic_write:
			return true;
		case OP_vcpu_create:
		case OP_apicbase_write:
		case OP_apicbase_restore:
		case OP_control_write:
		case OP_control_read:
		case OP_lapic_read:
		case OP_x2apic_read:
		case OP_msr_write:
		case OP_msr_read:
		case OP_cpuid_read:
		case OP_interrupt_take:
		case OP_halt:
		case OP_mp_state_set:
		case OP_x2apic_api_enable:
		case OP_gsi_route:
		case OP_ioapic_read:
		case OP_observe:
			break;
		}
	return false;
}

/* The ops but the creations, from @to on; flags that are on stay so. */
static void move_ops(struct scenario *s, size_t to, const struct shape *shape)
{
	static struct op ops[OPS_MAX];
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_ops; i++) {
		struct op *op = &s->ops[i];
		int vcpu = op_vcpu(op);

		if (op->kind == OP_vcpu_create)
			continue;
		if (op->kind == OP_x2apic_api_enable)
			op->as.x2apic_api_enable.flags &=
				shape->config.x2apic_api;
		if (vcpu >= (int)shape->nr_vcpus)
			op_set_vcpu(op, (field_vcpu)((uint32_t)vcpu %
						     shape->nr_vcpus));
		ops[nr++] = *op;
	}
	if (nr > OPS_MAX - to)
		nr = OPS_MAX - to;
	memcpy(&s->ops[to], ops, nr * sizeof(ops[0]));
	s->nr_ops = to + nr;
}

void shape_give(struct scenario *s, const struct shape *shape)
{
	bool sends = sends_first(s);
	size_t first = shape->nr_vcpus + sends;

	if (!shape->nr_vcpus)
		return;
	move_ops(s, first, shape);
	s->config = shape->config;
	for (uint32_t i = 0; i < shape->nr_vcpus; i++)
		s->ops[i] = (struct op){
			.kind = OP_vcpu_create,
			.as.vcpu_create = { (field_vcpu_id)shape->vcpu_ids[i] },
		};
	if (sends)
		s->ops[shape->nr_vcpus] = (struct op){
			.kind = OP_lapic_write,
			.as.lapic_write = { 0, AGENT_HOST, APIC_REG_svr,
					    0xff | SVR_ENABLE },
		};
}
