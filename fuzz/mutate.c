/* Changes to scenarios: to the list of ops, and to the fields of one. */
#include "fuzz/mutate.h"

#include <string.h>

#include "fuzz/draw.h"
#include "fuzz/shape.h"
#include "scenario/x86.h"

/* More ops than this are not made: long scenarios are slow and no richer. */
enum { OPS_WANTED_MAX = 32 };

/*
 * Of so many changes one is left as it came out, some may change which vCPUs
 * there are, and the others keep those of the scenario that they started from.
 */
enum { SHAPES = 12, SHAPES_NEW = 1 };

static void shape_mostly(struct mutator *m, struct shape *parent)
{
	uint64_t which = draw(m, SHAPES);

	if (which == 0)
		return;
	if (which <= SHAPES_NEW || !parent->nr_vcpus)
		shape_take(parent, m->s);
	shape_give(m->s, parent);
}

/* The register that @op is about, for the value that goes there. */
static uint32_t slot_of(const struct op *op)
{
	if (op->kind == OP_lapic_write)
		return op->as.lapic_write.reg;
	if (op->kind == OP_x2apic_write)
		return op->as.x2apic_write.reg;
	if (op->kind == OP_control_write)
		return op->as.control_write.reg;
	if (op->kind == OP_msr_write)
		return op->as.msr_write.msr;
	if (op->kind == OP_ioapic_write)
		return DRAW_IOAPIC + op->as.ioapic_write.reg;
	return 0;
}

static void change_field(struct mutator *m, const struct record *record,
			 void *base, uint32_t slot)
{
	const struct field *field;
	uint64_t value;

	if (!record->nr_fields)
		return;
	do
		field = &record->fields[draw(m, record->nr_fields)];
	while (field->type->nr_values == 1);
	if (field->type->kind == FIELD_NUMBER && one_in(m, 2))
		value = draw_near(m, field, base);
	else
		value = draw_field(m, field->type, slot);
	if (field->type->kind == FIELD_NUMBER)
		value = field_reduce(field->type, value, 1);
	field_set(field, base, value);
}

static void draw_op(struct mutator *m, struct op *out)
{
	static const enum op_kind kinds[] = {
#define OP(id, name, fields) OP_##name,
#include "scenario/ops.def"
		/* What the rest is there for, twice as often. */
		OP_msi, OP_icr_write
	};
	const struct record *record;

	out->kind = DRAW_FROM(m, kinds);
	/* Another VM is made for it, which takes as long as all the rest. */
	if (out->kind == OP_save_restore && !one_in(m, 4))
		out->kind = OP_observe;
	record = op_record(out->kind);
	memset(&out->as, 0, sizeof(out->as));
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *field = &record->fields[i];

		field_set(field, &out->as,
			  draw_field(m, field->type, slot_of(out)));
	}
	if (out->kind == OP_icr_write)
		out->as.icr_write.dest = draw_dest_of(m, out->as.icr_write.low);
}

/* Half of the time on the vCPU of the op before it: one thing leads to more. */
static void follow(struct mutator *m, size_t at, struct op *op)
{
	int vcpu = at ? op_vcpu(&m->s->ops[at - 1]) : -1;

	if (vcpu >= 0 && op_vcpu(op) >= 0 && one_in(m, 2))
		op_set_vcpu(op, (field_vcpu)vcpu);
}

/*
 * Put @nr ops at @at, as many as there is room for. The ops after them stay
 * with their vCPUs, whatever vCPUs the new ones create.
 */
static void insert_at(struct mutator *m, size_t at, const struct op *ops,
		      size_t nr)
{
	struct scenario *s = m->s;
	size_t before = scenario_nr_vcpus(s, at), created = 0;

	if (s->nr_ops >= OPS_WANTED_MAX)
		return;
	if (nr > OPS_WANTED_MAX - s->nr_ops)
		nr = OPS_WANTED_MAX - s->nr_ops;
	memmove(&s->ops[at + nr], &s->ops[at],
		(s->nr_ops - at) * sizeof(s->ops[0]));
	memcpy(&s->ops[at], ops, nr * sizeof(s->ops[0]));
	s->nr_ops += nr;
	for (size_t i = at; i < at + nr; i++)
		created += s->ops[i].kind == OP_vcpu_create;
	for (size_t i = at + nr; i < s->nr_ops; i++) {
		int vcpu = op_vcpu(&s->ops[i]);

		if (vcpu >= (int)before)
			op_set_vcpu(&s->ops[i], (field_vcpu)(vcpu + created));
	}
}

static void swap(struct mutator *m)
{
	struct scenario *s = m->s;
	size_t a = draw(m, s->nr_ops), b = draw(m, s->nr_ops);
	struct op op = s->ops[a];

	s->ops[a] = s->ops[b];
	s->ops[b] = op;
}

/* Where vCPU @vcpu is after vCPU @from moved to @to. */
static int moved(int vcpu, int from, int to)
{
	if (vcpu == from)
		return to;
	if (from < vcpu && vcpu <= to)
		return vcpu - 1;
	if (to <= vcpu && vcpu < from)
		return vcpu + 1;
	return vcpu;
}

/* A vCPU is created earlier or later; ops stay with their vCPUs. */
static void move_creation(struct mutator *m)
{
	struct scenario *s = m->s;
	size_t at = draw_op_of(m, OP_vcpu_create), to;
	int from_vcpu, to_vcpu;
	struct op op;

	if (at == s->nr_ops)
		return;
	op = s->ops[at];
	to = draw(m, s->nr_ops);
	from_vcpu = (int)scenario_nr_vcpus(s, at);
	memmove(&s->ops[at], &s->ops[at + 1],
		(s->nr_ops - at - 1) * sizeof(op));
	to_vcpu = (int)scenario_nr_vcpus(s, to);
	memmove(&s->ops[to + 1], &s->ops[to],
		(s->nr_ops - to - 1) * sizeof(op));
	s->ops[to] = op;
	for (size_t i = 0; i < s->nr_ops; i++) {
		int vcpu = op_vcpu(&s->ops[i]);

		if (vcpu >= 0)
			op_set_vcpu(&s->ops[i],
				    (field_vcpu)moved(vcpu, from_vcpu,
						      to_vcpu));
	}
}

/* A vCPU's local APIC goes to another mode: off, xAPIC or x2APIC. */
static void toggle_mode(struct mutator *m)
{
	static const uint64_t modes[] = { 0, APICBASE_EN,
					  APICBASE_EN | APICBASE_EXTD };
	struct scenario *s = m->s;
	size_t at = draw_op_of(m, OP_apicbase_write), nr_vcpus;
	struct op op = { .kind = OP_apicbase_write };

	if (at < s->nr_ops && one_in(m, 2)) {
		s->ops[at].as.apicbase_write.value ^=
			one_in(m, 2) ? APICBASE_EXTD : APICBASE_EN;
		return;
	}
	at = draw(m, s->nr_ops) + 1;
	nr_vcpus = scenario_nr_vcpus(s, at);
	op.as.apicbase_write.vcpu =
		(field_vcpu)draw(m, nr_vcpus ? nr_vcpus : 1);
	op.as.apicbase_write.value = APICBASE_ADDRESS_DEFAULT |
				     DRAW_FROM(m, modes);
	insert_at(m, at, &op, 1);
}

static void change_once(struct mutator *m)
{
	struct scenario *s = m->s;
	size_t to = draw(m, s->nr_ops + 1);
	struct op op;
	size_t at;

	if (!s->nr_ops || one_in(m, 4)) {
		draw_op(m, &op);
		follow(m, to, &op);
		insert_at(m, to, &op, 1);
		if (one_in(m, 8))
			insert_at(m, to, &op, 1);
		return;
	}
	at = draw(m, s->nr_ops);
	switch (draw(m, 16)) {
	case 0:
		change_field(m, config_record(), &s->config, 0);
		break;
	case 1:
	case 2:
		scenario_remove_op(s, at);
		break;
	case 3:
	case 4:
		op = s->ops[at];
		insert_at(m, one_in(m, 2) ? at + 1 : to, &op, 1);
		break;
	case 5:
		swap(m);
		break;
	case 6:
		move_creation(m);
		break;
	case 7:
		toggle_mode(m);
		break;
	default:
		change_field(m, op_record(s->ops[at].kind), &s->ops[at].as,
			     slot_of(&s->ops[at]));
	}
}

/*
 * Ops of @other go into the scenario: some of them in between, or its end in
 * the place of the scenario's own. Those whose vCPUs come along stay with
 * them; the others act on vCPUs that are there.
 */
static void splice(struct mutator *m, const struct scenario *other)
{
	static struct op ops[OPS_MAX];
	size_t at = draw(m, m->s->nr_ops + 1), first, nr, before, created;

	if (one_in(m, 4))
		m->s->config = other->config;
	if (!other->nr_ops)
		return;
	first = draw(m, other->nr_ops);
	nr = 1 + draw(m, other->nr_ops - first);
	if (one_in(m, 2)) {
		m->s->nr_ops = at;
		nr = other->nr_ops - first;
	}
	before = scenario_nr_vcpus(other, first);
	created = scenario_nr_vcpus(other, first + nr) - before;
	memcpy(ops, &other->ops[first], nr * sizeof(ops[0]));
	for (size_t i = 0; i < nr; i++) {
		size_t vcpu = (size_t)op_vcpu(&ops[i]) - before;

		if (op_vcpu(&ops[i]) >= 0 && vcpu < created)
			op_set_vcpu(&ops[i],
				    (field_vcpu)(scenario_nr_vcpus(m->s, at) +
						 vcpu));
	}
	insert_at(m, at, ops, nr);
}

/*
 * The edits may name vCPUs that are created later or never: as bytes that is
 * a legal scenario again, which is why they are made between bytes and bytes.
 */
size_t mutate_bytes(uint8_t *out, size_t cap, const uint8_t *bytes, size_t len,
		    uint64_t seed)
{
	static struct scenario scenario;
	struct mutator m = { &scenario, seed * 2 + 1 };
	uint64_t changes = 1 + draw(&m, 4);
	struct shape shape;

	scenario_decode(&scenario, bytes, len);
	shape_take(&shape, &scenario);
	for (uint64_t i = 0; i < changes; i++)
		change_once(&m);
	shape_mostly(&m, &shape);
	return scenario_encode(out, cap, &scenario);
}

size_t mutate_cross(uint8_t *out, size_t cap, struct mutate_input a,
		    struct mutate_input b, uint64_t seed)
{
	static struct scenario scenario, other;
	struct mutator m = { &scenario, seed * 2 + 1 };
	struct shape shape;

	scenario_decode(&scenario, a.bytes, a.len);
	scenario_decode(&other, b.bytes, b.len);
	shape_take(&shape, &scenario);
	splice(&m, &other);
	shape_mostly(&m, &shape);
	return scenario_encode(out, cap, &scenario);
}
