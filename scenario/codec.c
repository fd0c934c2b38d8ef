/*
 * Bytes <-> scenario. The settings come first, in the order of config.def,
 * then the ops: one byte that is the op's id, then its fields in the order of
 * ops.def, little-endian. A named value travels as its place in its type's
 * list, so that every byte is some value.
 */
#include <string.h>

#include "scenario/check.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

struct reader {
	const uint8_t *at;
	size_t left;
};

/* The next @len bytes, 1 to 8; what is past the end reads as zero. */
static uint64_t read_number(struct reader *in, size_t len)
{
	uint64_t value = 0;
	size_t nr = len < in->left ? len : in->left;

	if (!nr)
		return 0;
	if (in->left >= sizeof(value)) {
		memcpy(&value, in->at, sizeof(value));
		value &= UINT64_MAX >> (64 - 8 * nr);
	} else {
		memcpy(&value, in->at, nr);
	}
	in->at += nr;
	in->left -= nr;
	return value;
}

static void read_record(struct reader *in, const struct record *record,
			void *base, size_t nr_vcpus)
{
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *field = &record->fields[i];
		uint64_t raw = read_number(in, field->type->wire_size);

		field_set(field, base,
			  field_reduce(field->type, raw, nr_vcpus));
	}
}

void scenario_decode(struct scenario *out, const uint8_t *bytes, size_t len)
{
	struct reader in = { bytes, len };
	size_t nr_vcpus = 0;

	memset(&out->config, 0, sizeof(out->config));
	read_record(&in, config_record(), &out->config, 1);
	out->nr_ops = 0;
	while (in.left && out->nr_ops < OPS_MAX) {
		struct op *op = &out->ops[out->nr_ops];
		uint32_t kind = (uint32_t)read_number(&in, 1);
		const struct record *record = op_record(kind);

		if (!record)
			continue;
		memset(op, 0, sizeof(*op));
		op->kind = (enum op_kind)kind;
		read_record(&in, record, &op->as, nr_vcpus ? nr_vcpus : 1);
		if (op_vcpu(op) >= 0 && !nr_vcpus)
			continue;
		if (op->kind == OP_vcpu_create && nr_vcpus++ >= VCPUS_MAX) {
			nr_vcpus = VCPUS_MAX;
			continue;
		}
		out->nr_ops++;
	}
}

static uint64_t wire_value(const struct field_type *type, uint64_t value)
{
	if (type->kind != FIELD_NAMED)
		return value;
	for (uint32_t i = 0; i < type->nr_values; i++)
		if (type->values[i].value == value)
			return i;
	CHECK(!"a value outside its domain");
	return 0;
}

static uint8_t *write_record(uint8_t *out, const struct record *record,
			     const void *base)
{
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *field = &record->fields[i];
		uint64_t value =
			wire_value(field->type, field_get(field, base));

		/* All eight, of which the next field covers the rest. */
		memcpy(out, &value, sizeof(value));
		out += field->type->wire_size;
	}
	return out;
}

/* No op takes more than this, so that the last field has room as well. */
#define OP_BYTES_MAX 14
_Static_assert(16 + OPS_MAX * OP_BYTES_MAX + sizeof(uint64_t) <=
		       SCENARIO_BYTES_MAX,
	       "room for the longest scenario and a last whole word");

size_t scenario_encode(uint8_t *out, size_t cap, const struct scenario *s)
{
	uint8_t *at = out;

	CHECK(cap >= SCENARIO_BYTES_MAX);
	CHECK(s->nr_ops <= OPS_MAX);
	at = write_record(at, config_record(), &s->config);
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		uint8_t *start = at;

		*at++ = (uint8_t)op->kind;
		at = write_record(at, op_record(op->kind), &op->as);
		CHECK(at - start <= OP_BYTES_MAX);
	}
	return (size_t)(at - out);
}
