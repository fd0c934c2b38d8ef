/* The .def tables of scenario/ expanded into data. */
#include "scenario/tables.h"

#include <stddef.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/x86.h"

/* clang-format off: macros that open and close braces. */
/* values_agent, values_apic_reg, ...: the values of each type that has any. */
#define NAMED(name, c_type, wire) \
	static const struct value_name values_##name[] = {
#define FLAGS(name, c_type, wire) NAMED(name, c_type, wire)
#define VALUE(name, value) { #name, value },
#define END \
	}   \
	;
#include "scenario/field_types.def"

/* type_u8, type_vcpu, ...: the types. */
#define NUMBER(name, c_type, wire, max)                           \
	static const struct field_type type_##name = {            \
		#name, TYPE_##name, FIELD_NUMBER, sizeof(c_type), \
		wire,  max,	    NULL,	  0,              \
	};
#define VCPU(name, c_type, wire)                                \
	static const struct field_type type_##name = {          \
		#name, TYPE_##name, FIELD_VCPU, sizeof(c_type), \
		wire,  0,	    NULL,	0,              \
	};
#define WITH_VALUES(name, kind, c_type, wire)                                 \
	static const struct field_type type_##name = {                        \
		#name, TYPE_##name, kind,	   sizeof(c_type),            \
		wire,  0,	    values_##name, ARRAY_SIZE(values_##name), \
	};
#define NAMED(name, c_type, wire) WITH_VALUES(name, FIELD_NAMED, c_type, wire)
#define FLAGS(name, c_type, wire) WITH_VALUES(name, FIELD_FLAGS, c_type, wire)
#include "scenario/field_types.def"

/* clang-format on */

/* record_msi(), ...: one function an op, in which `here` is its struct. */
#define F(type, field) { #field, &type_##type, offsetof(here, field) },
#define OP(id, op, op_fields)                                        \
	static const struct record *record_##op(void)                \
	{                                                            \
		typedef struct op_##op here __attribute__((unused)); \
		static const struct field fields[] = { op_fields };  \
		static const struct record record = {                \
			#op,                                         \
			fields,                                      \
			ARRAY_SIZE(fields),                          \
		};                                                   \
		return &record;                                      \
	}
#include "scenario/ops.def"

const struct record *op_record(uint32_t kind)
{
	switch (kind) {
#define OP(id, op, op_fields) \
	case OP_##op:         \
		return record_##op();
#include "scenario/ops.def"
	}
	return NULL;
}

const struct record *config_record(void)
{
	static const struct field fields[] = {
#define SETTING(type, name) \
	{ #name, &type_##type, offsetof(struct config, name) },
#include "scenario/config.def"
	};
	static const struct record record = {
		"config",
		fields,
		ARRAY_SIZE(fields),
	};
	return &record;
}

static uint64_t flags_reduce(const struct field_type *type, uint64_t value)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < type->nr_values; i++)
		all |= type->values[i].value;
	return value & all;
}

uint64_t field_reduce(const struct field_type *type, uint64_t value,
		      size_t nr_vcpus)
{
	switch (type->kind) {
	case FIELD_NUMBER:
		return value <= type->max ? value : value % (type->max + 1);
	case FIELD_VCPU:
		return value % nr_vcpus;
	case FIELD_NAMED:
		return type->values[value % type->nr_values].value;
	case FIELD_FLAGS:
		return flags_reduce(type, value);
	}
	CHECK(!"a field of unknown kind");
	return 0;
}
