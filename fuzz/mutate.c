/* Changes to scenarios: to the list of ops, and to the fields of one. */
#include "fuzz/mutate.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"
#include "scenario/x86.h"

/* More ops than this are not made: long scenarios are slow and no richer. */
enum { OPS_WANTED_MAX = 32 };

struct mutator {
	struct scenario *s;
	uint64_t random;
};

/* xorshift*: any 64 bits. */
static uint64_t draw_bits(struct mutator *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return m->random * 0x2545f4914f6cdd1du;
}

/* 0 .. @below - 1. */
static uint64_t draw(struct mutator *m, uint64_t below)
{
	return (draw_bits(m) >> 16) % below;
}

static bool one_in(struct mutator *m, uint64_t n)
{
	return draw(m, n) == 0;
}

#define DRAW_FROM(m, list) ((list)[draw(m, ARRAY_SIZE(list))])

/* A number with few bits set, or any number. */
static uint64_t draw_number(struct mutator *m)
{
	uint64_t bits = 1ull << draw(m, 64);

	switch (draw(m, 4)) {
	case 0:
		return bits;
	case 1:
		return bits - 1;
	case 2:
		return draw(m, 256);
	}
	return draw_bits(m);
}

/* The vcpu_id of a vCPU of the scenario, or a small one if there is none. */
static uint32_t existing_id(struct mutator *m)
{
	uint32_t ids[VCPUS_MAX];
	uint32_t nr = 0;

	for (size_t i = 0; i < m->s->nr_ops; i++)
		if (m->s->ops[i].kind == OP_vcpu_create && nr < VCPUS_MAX)
			ids[nr++] = m->s->ops[i].as.vcpu_create.vcpu_id;
	return nr ? ids[draw(m, nr)] : (uint32_t)draw(m, 4);
}

/* An ID near what the scenario uses: aliased, truncated, one off, or odd. */
static uint32_t draw_id(struct mutator *m)
{
	static const uint32_t odd[] = {
		0,    1,     2,	    0x0f,  0x10,  0xfe,
		0xff, 0x100, 0x101, 0x1ff, 0xffe, 0xfff
	};

	switch (draw(m, 6)) {
	case 0:
		return existing_id(m);
	case 1:
		return (existing_id(m) & 0xff) + (uint32_t)draw(m, 16) * 0x100;
	case 2:
		return existing_id(m) & 0xff;
	case 3:
		return (existing_id(m) + 1) & VCPU_ID_MAX;
	case 4:
		return DRAW_FROM(m, odd);
	}
	return (uint32_t)draw(m, VCPU_ID_MAX + 1);
}

/* A logical ID: one member or several, of either mode. */
static uint32_t draw_logical(struct mutator *m)
{
	uint32_t id = existing_id(m);

	switch (draw(m, 4)) {
	case 0:
		return 1u << draw(m, 8);
	case 1:
		return (uint32_t)draw(m, 256);
	case 2:
		return id >> 4 << 16 | 1u << (id & 15);
	}
	return id >> 4 << 16 | (uint32_t)draw(m, 0x10000);
}

static uint32_t draw_dest(struct mutator *m)
{
	switch (draw(m, 8)) {
	case 0:
		return XAPIC_BROADCAST;
	case 1:
		return X2APIC_BROADCAST;
	case 2:
	case 3:
		return draw_logical(m);
	}
	return draw_id(m);
}

static uint8_t draw_vector(struct mutator *m)
{
	if (one_in(m, 16))
		return (uint8_t)draw(m, 32);
	return (uint8_t)(0x20 + draw(m, 0xe0));
}

/* Mostly fixed, edge, physical, as traffic is; anything at times. */
static uint32_t draw_icr_low(struct mutator *m)
{
	uint32_t low = draw_vector(m) | ICR_ASSERT;

	if (one_in(m, 16))
		return (uint32_t)draw_number(m);
	if (one_in(m, 3))
		low |= (uint32_t)draw(m, 8) << ICR_DELIVERY_SHIFT;
	if (one_in(m, 3))
		low |= ICR_LOGICAL;
	if (one_in(m, 4))
		low |= (uint32_t)draw(m, 4) << ICR_SHORTHAND_SHIFT;
	if (one_in(m, 8))
		low |= ICR_LEVEL;
	if (one_in(m, 8))
		low &= ~ICR_ASSERT;
	return low;
}

static uint64_t draw_msi_address(struct mutator *m)
{
	uint32_t dest = draw_dest(m);
	uint64_t address = APICBASE_ADDRESS_DEFAULT | (dest & MSI_DEST_MASK)
							      << MSI_DEST_SHIFT;

	if (one_in(m, 16))
		return draw_number(m);
	if (one_in(m, 3))
		address |= MSI_LOGICAL;
	if (one_in(m, 8))
		address |= MSI_REDIRECTION_HINT;
	if (one_in(m, 2))
		address |= (uint64_t)(dest & ~MSI_DEST_MASK) << 32;
	return address;
}

static uint32_t draw_msi_data(struct mutator *m)
{
	uint32_t data = draw_vector(m);

	if (one_in(m, 16))
		return (uint32_t)draw_number(m);
	if (one_in(m, 3))
		data |= (uint32_t)draw(m, 8) << MSI_DELIVERY_SHIFT;
	if (one_in(m, 8))
		data |= MSI_LEVEL | MSI_ASSERT;
	return data;
}

static uint64_t draw_apicbase(struct mutator *m)
{
	uint64_t value = APICBASE_ADDRESS_DEFAULT | draw(m, 4) << 10;

	if (one_in(m, 4))
		value |= APICBASE_BSP;
	if (one_in(m, 8))
		value ^= 1ull << draw(m, 64);
	return value;
}

/* A value for register @slot: what it is written with, or anything. */
static uint64_t draw_register(struct mutator *m, uint32_t slot)
{
	static const uint32_t dfrs[] = { DFR_FLAT, DFR_CLUSTER, 0x8fffffff };

	if (one_in(m, 8))
		return draw_number(m);
	switch (slot) {
	case APIC_REG_id:
		return one_in(m, 2) ? draw_id(m) : draw_id(m) << XAPIC_ID_SHIFT;
	case APIC_REG_ldr:
		return draw_logical(m) << XAPIC_ID_SHIFT;
	case APIC_REG_dfr:
		return DRAW_FROM(m, dfrs);
	case APIC_REG_svr:
		return 0xff | (one_in(m, 4) ? 0 : SVR_ENABLE);
	case APIC_REG_icr:
		return (uint64_t)draw_dest(m) << 32 | draw_icr_low(m);
	case APIC_REG_tpr:
	case APIC_REG_self_ipi:
		return draw(m, 256);
	}
	return one_in(m, 2) ? 0 : draw_number(m);
}

static uint64_t draw_named(struct mutator *m, const struct field_type *type)
{
	return type->values[draw(m, type->nr_values)].value;
}

static uint64_t draw_slot(struct mutator *m, const struct field_type *type)
{
	static const uint8_t usual[] = { APIC_REG_svr, APIC_REG_svr,
					 APIC_REG_id,  APIC_REG_ldr,
					 APIC_REG_dfr, APIC_REG_tpr };

	if (one_in(m, 2))
		return DRAW_FROM(m, usual);
	return draw_named(m, type);
}

/* A new value for a field; registers' values depend on @slot. */
static uint64_t draw_field(struct mutator *m, const struct field_type *type,
			   uint32_t slot)
{
	switch (type->id) {
	case TYPE_apicbase:
		return draw_apicbase(m);
	case TYPE_reg32:
		return (uint32_t)draw_register(m, slot);
	case TYPE_reg64:
		return draw_register(m, slot);
	case TYPE_dest:
		return draw_dest(m);
	case TYPE_icr_low:
		return draw_icr_low(m);
	case TYPE_vector:
		return draw_vector(m);
	case TYPE_msi_address:
		return draw_msi_address(m);
	case TYPE_msi_data:
		return draw_msi_data(m);
	case TYPE_vcpu_id:
		return draw_id(m);
	case TYPE_vcpu:
		return draw(m, VCPUS_MAX);
	case TYPE_apic_reg:
		return draw_slot(m, type);
	case TYPE_agent:
	case TYPE_irqchip:
	case TYPE_cpuid:
		return draw_named(m, type);
	case TYPE_x2apic_api:
		return draw(m, 4);
	}
	CHECK(!"a field type that the mutator does not know");
	return 0;
}

/* The slot that @op is about, for the value that goes there. */
static uint32_t slot_of(const struct op *op)
{
	if (op->kind == OP_lapic_write)
		return op->as.lapic_write.reg;
	if (op->kind == OP_x2apic_write)
		return op->as.x2apic_write.reg;
	return 0;
}

static void change_field(struct mutator *m, const struct record *record,
			 void *base, uint32_t slot)
{
	const struct field *field;
	uint64_t value;

	if (!record->nr_fields)
		return;
	field = &record->fields[draw(m, record->nr_fields)];
	value = draw_field(m, field->type, slot);
	if (field->type->kind == FIELD_NUMBER && one_in(m, 8))
		value = field_get(field, base) ^ 1ull << draw(m, 64);
	if (field->type->kind == FIELD_NUMBER)
		value = field_reduce(field->type, value, 1);
	field_set(field, base, value);
}

static void draw_op(struct mutator *m, struct op *out)
{
	static const enum op_kind kinds[] = {
#define OP(id, name, fields) OP_##name,
#include "scenario/ops.def"
	};
	const struct record *record;

	out->kind = DRAW_FROM(m, kinds);
	record = op_record(out->kind);
	memset(&out->as, 0, sizeof(out->as));
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *field = &record->fields[i];

		field_set(field, &out->as,
			  draw_field(m, field->type, slot_of(out)));
	}
}

static void insert(struct mutator *m, const struct op *op)
{
	struct scenario *s = m->s;
	size_t at = draw(m, s->nr_ops + 1);

	if (s->nr_ops >= OPS_WANTED_MAX)
		return;
	memmove(&s->ops[at + 1], &s->ops[at],
		(s->nr_ops - at) * sizeof(s->ops[0]));
	s->ops[at] = *op;
	s->nr_ops++;
}

static void swap(struct mutator *m)
{
	struct scenario *s = m->s;
	size_t a = draw(m, s->nr_ops), b = draw(m, s->nr_ops);
	struct op op = s->ops[a];

	s->ops[a] = s->ops[b];
	s->ops[b] = op;
}

static void change_once(struct mutator *m)
{
	struct scenario *s = m->s;
	struct op op;
	size_t at;

	if (!s->nr_ops || one_in(m, 4)) {
		draw_op(m, &op);
		insert(m, &op);
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
		op = s->ops[at];
		insert(m, &op);
		break;
	case 4:
	case 5:
		swap(m);
		break;
	default:
		change_field(m, op_record(s->ops[at].kind), &s->ops[at].as,
			     slot_of(&s->ops[at]));
	}
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

	scenario_decode(&scenario, bytes, len);
	for (uint64_t i = 0; i < changes; i++)
		change_once(&m);
	return scenario_encode(out, cap, &scenario);
}
