/* Questions about scenarios, and the edits that keep them legal. */
#include "scenario/scenario.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/tables.h"

const char *op_name(enum op_kind kind)
{
	const struct record *record = op_record(kind);

	CHECK(record);
	return record->name;
}

/* Does an op of this kind act on a vCPU? Then that is its first field. */
static const bool acts_on_vcpu[UINT8_MAX + 1] = {
#define F(type, field) | (TYPE_##type == TYPE_vcpu)
#define OP(id, op, fields) [OP_##op] = 0 fields,
#include "scenario/ops.def"
};

int op_vcpu(const struct op *op)
{
	field_vcpu vcpu;

	if (!acts_on_vcpu[op->kind])
		return -1;
	memcpy(&vcpu, &op->as, sizeof(vcpu));
	return vcpu;
}

/* May a guest do an op of this kind? Then who does it is the second field. */
static const bool has_agent[UINT8_MAX + 1] = {
#define F(type, field) | (TYPE_##type == TYPE_agent)
#define OP(id, op, fields) [OP_##op] = 0 fields,
#include "scenario/ops.def"
};

enum agent op_agent(const struct op *op)
{
	if (op->kind == OP_interrupt_take || op->kind == OP_halt)
		return AGENT_GUEST;
	return has_agent[op->kind] ? (enum agent)op->as.self_ipi.by :
				     AGENT_HOST;
}

void op_set_vcpu(struct op *op, field_vcpu vcpu)
{
	CHECK(acts_on_vcpu[op->kind]);
	memcpy(&op->as, &vcpu, sizeof(vcpu));
}

static bool records_equal(const struct record *record, const void *a,
			  const void *b)
{
	for (uint32_t i = 0; i < record->nr_fields; i++)
		if (field_get(&record->fields[i], a) !=
		    field_get(&record->fields[i], b))
			return false;
	return true;
}

bool scenario_equal(const struct scenario *a, const struct scenario *b)
{
	if (a->nr_ops != b->nr_ops)
		return false;
	if (!records_equal(config_record(), &a->config, &b->config))
		return false;
	for (size_t i = 0; i < a->nr_ops; i++) {
		if (a->ops[i].kind != b->ops[i].kind)
			return false;
		if (!records_equal(op_record(a->ops[i].kind), &a->ops[i].as,
				   &b->ops[i].as))
			return false;
	}
	return true;
}

size_t scenario_nr_vcpus(const struct scenario *s, size_t end)
{
	size_t nr = 0;

	for (size_t i = 0; i < end; i++)
		nr += s->ops[i].kind == OP_vcpu_create;
	return nr;
}

/* Ops on @vcpu are dropped; those on later ones follow them down by one. */
static void remove_vcpu_uses(struct scenario *s, size_t from, int vcpu)
{
	size_t kept = from;

	for (size_t i = from; i < s->nr_ops; i++) {
		struct op op = s->ops[i];
		int acts_on = op_vcpu(&op);

		if (acts_on == vcpu)
			continue;
		if (acts_on > vcpu)
			op_set_vcpu(&op, (field_vcpu)(acts_on - 1));
		s->ops[kept++] = op;
	}
	s->nr_ops = kept;
}

void scenario_remove_op(struct scenario *s, size_t index)
{
	bool creates;
	int vcpu;

	if (index >= s->nr_ops)
		return;
	creates = s->ops[index].kind == OP_vcpu_create;
	vcpu = (int)scenario_nr_vcpus(s, index);
	s->nr_ops--;
	memmove(&s->ops[index], &s->ops[index + 1],
		(s->nr_ops - index) * sizeof(s->ops[0]));
	if (creates)
		remove_vcpu_uses(s, index, vcpu);
}
