/*
 * A scenario: the settings of a VM and a list of ops, fixed before anything
 * runs. Plain data of fixed size, no pointers. It has two forms outside:
 * bytes, for fuzzing engines, and text, for people (docs/scenario.md).
 *
 * Laws: scenario_decode() accepts every byte string; decode(encode(s)) == s;
 * parse(print(s)) == s.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scenario/values.h"

enum {
	OPS_MAX = 512,
	VCPUS_MAX = 256,
	VCPU_ID_MAX = 4095, /* KVM's limit since 5.18; before, 1023 */
};

/* field_u8, field_vcpu, ...: the C type of each field type. */
#define NUMBER(name, c_type, wire, max) typedef c_type field_##name;
#define VCPU(name, c_type, wire) typedef c_type field_##name;
#define NAMED(name, c_type, wire) typedef c_type field_##name;
#define FLAGS(name, c_type, wire) typedef c_type field_##name;
#include "scenario/field_types.def"

/* struct op_msi, ...: what one op says. */
#define F(type, field) field_##type field;
#define OP(id, name, fields) \
	struct op_##name {   \
		fields       \
	};
#include "scenario/ops.def"

enum op_kind {
#define OP(id, name, fields) OP_##name = id,
#include "scenario/ops.def"
};

/*
 * A field of type `vcpu` is the index of an earlier vcpu_create of the same
 * scenario, counting all of them, also one that is going to be refused.
 */
struct op {
	enum op_kind kind;
	union {
#define OP(id, name, fields) struct op_##name name;
#include "scenario/ops.def"
	} as;
};

struct config {
#define SETTING(type, name) field_##type name;
#include "scenario/config.def"
};

struct scenario {
	struct config config;
	size_t nr_ops; /* <= OPS_MAX */
	struct op ops[OPS_MAX];
};

/* Where a text is wrong, counted from 1, and what is wrong with it. */
struct text_error {
	int line;
	int column;
	char message[160];
};

/* Room for the bytes of the largest scenario. */
enum { SCENARIO_BYTES_MAX = 16 + OPS_MAX * 16 };

/*
 * Bytes to scenario. Total: an unknown op byte is skipped, a short tail reads
 * as zero, an out-of-range value is reduced to its domain, an op on a vCPU
 * where none has been created is dropped, and so is what exceeds OPS_MAX ops
 * or VCPUS_MAX vCPUs.
 */
void scenario_decode(struct scenario *out, const uint8_t *bytes, size_t len);

/* Scenario to bytes; returns how many. @cap must be SCENARIO_BYTES_MAX. */
size_t scenario_encode(uint8_t *out, size_t cap, const struct scenario *s);

/*
 * Text to scenario. On failure returns false and says where and what in @err;
 * @out is then undefined. @text ends with a NUL.
 */
bool scenario_parse(struct scenario *out, struct text_error *err,
		    const char *text);

/* Scenario to canonical text, the `config` line first. */
void scenario_print(FILE *out, const struct scenario *s);

/* The settings, or one op, to text, without a newline. */
void config_print(FILE *out, const struct config *config);
void op_print(FILE *out, const struct op *op);

/* The name of an op, as in text. */
const char *op_name(enum op_kind kind);

bool scenario_equal(const struct scenario *a, const struct scenario *b);

/* How many vcpu_create ops there are before op @end. */
size_t scenario_nr_vcpus(const struct scenario *s, size_t end);

/* The vCPU that @op acts on, or -1 for an op that acts on none. */
int op_vcpu(const struct op *op);

/* Who does @op; AGENT_HOST where nothing is said. */
enum agent op_agent(const struct op *op);

/* Let @op, which acts on a vCPU, act on @vcpu. */
void op_set_vcpu(struct op *op, field_vcpu vcpu);

/*
 * Remove op @index. If it creates a vCPU, the ops on that vCPU go with it and
 * the later vCPUs move down by one. A no-op where @index is out of range.
 */
void scenario_remove_op(struct scenario *s, size_t index);

#endif
