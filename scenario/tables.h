/*
 * The .def tables as data, for code that walks over ops and fields without
 * knowing them: codec, text, mutator.
 */
#ifndef SCENARIO_TABLES_H
#define SCENARIO_TABLES_H

#include <stdint.h>
#include <string.h>

#include "scenario/scenario.h"

/* TYPE_dest, TYPE_vcpu, ...: which type, for code that knows them apart. */
enum type_id {
#define NUMBER(name, c_type, wire, max) TYPE_##name,
#define VCPU(name, c_type, wire) TYPE_##name,
#define NAMED(name, c_type, wire) TYPE_##name,
#define FLAGS(name, c_type, wire) TYPE_##name,
#include "scenario/field_types.def"
};

enum field_kind { FIELD_NUMBER, FIELD_VCPU, FIELD_NAMED, FIELD_FLAGS };

struct value_name {
	const char *name;
	uint32_t value;
};

struct field_type {
	const char *name;
	enum type_id id;
	enum field_kind kind;
	uint8_t size;	   /* bytes in memory: 1, 2, 4 or 8 */
	uint8_t wire_size; /* bytes in the byte form, little-endian */
	uint64_t max;	   /* FIELD_NUMBER: the largest value */
	const struct value_name *values; /* FIELD_NAMED, FIELD_FLAGS */
	uint32_t nr_values;
};

struct field {
	const char *name;
	const struct field_type *type;
	uint16_t offset; /* in the struct that holds it */
};

/* A named list of fields: an op or the settings. */
struct record {
	const char *name;
	const struct field *fields;
	uint32_t nr_fields;
};

/* The record of op @kind, or NULL if there is no such op. */
const struct record *op_record(uint32_t kind);
const struct record *config_record(void);

/*
 * A field's value in the struct at @base (`op->as`, or a struct config). These
 * are the codec's inner loop, so they are here. x86 is little-endian: the low
 * bytes of a value come first.
 */
static inline uint64_t field_get(const struct field *field, const void *base)
{
	const uint8_t *at = (const uint8_t *)base + field->offset;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (field->type->size) {
	case 1:
		return *at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	}
	memcpy(&u64, at, sizeof(u64));
	return u64;
}

static inline void field_set(const struct field *field, void *base,
			     uint64_t value)
{
	uint8_t *at = (uint8_t *)base + field->offset;

	switch (field->type->size) {
	case 1:
		*at = (uint8_t)value;
		return;
	case 2:
		memcpy(at, &value, 2);
		return;
	case 4:
		memcpy(at, &value, 4);
		return;
	}
	memcpy(at, &value, sizeof(value));
}

/*
 * @value brought into the domain of @type. @nr_vcpus, at least 1 for
 * FIELD_VCPU, is how many vCPUs the field may name.
 */
uint64_t field_reduce(const struct field_type *type, uint64_t value,
		      size_t nr_vcpus);

#endif
