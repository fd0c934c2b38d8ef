/*
 * Text <-> scenario. One op a line: its name, then every field as NAME=VALUE
 * in any order. `#` starts a comment. docs/scenario.md is the reference.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/parser.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

static bool parse_numeric(struct parser *p, const struct field *field,
			  struct word word, uint64_t *out)
{
	const struct field_type *type = field->type;

	if (!word_number(word, out))
		return parser_fail(p, word.at, "'%.*s' is not a number",
				   word_quoted(word), word.at);
	if (type->kind == FIELD_VCPU && *out >= p->nr_vcpus)
		return parser_fail(p, word.at,
				   "vcpu %" PRIu64 " does not exist yet: "
				   "%zu created before this line",
				   *out, p->nr_vcpus);
	if (type->kind == FIELD_NUMBER && *out > type->max)
		return parser_fail(p, word.at, "%s must be at most 0x%" PRIx64,
				   field->name, type->max);
	return true;
}

static bool parse_name(struct parser *p, const struct field *field,
		       struct word word, uint64_t *out)
{
	const struct field_type *type = field->type;

	for (uint32_t i = 0; i < type->nr_values; i++) {
		if (!word_is(word, type->values[i].name))
			continue;
		*out |= type->values[i].value;
		return true;
	}
	return parser_fail(p, word.at, "'%.*s' is not a value of %s",
			   word_quoted(word), word.at, field->name);
}

/* NAME, or for flags NAME|NAME... or 0. */
static bool parse_value(struct parser *p, const struct field *field,
			uint64_t *out)
{
	struct word word = parser_word(p);

	*out = 0;
	if (field->type->kind == FIELD_NUMBER ||
	    field->type->kind == FIELD_VCPU)
		return parse_numeric(p, field, word, out);
	if (field->type->kind == FIELD_FLAGS && word_is(word, "0"))
		return true;
	if (!parse_name(p, field, word, out))
		return false;
	while (field->type->kind == FIELD_FLAGS && *p->at == '|') {
		p->at++;
		if (!parse_name(p, field, parser_word(p), out))
			return false;
	}
	return true;
}

static const struct field *find_field(const struct record *record,
				      struct word name)
{
	for (uint32_t i = 0; i < record->nr_fields; i++)
		if (word_is(name, record->fields[i].name))
			return &record->fields[i];
	return NULL;
}

/* One NAME=VALUE; its bit in @seen. */
static bool parse_field(struct parser *p, const struct record *record,
			void *base, uint32_t *seen)
{
	struct word name = parser_word(p);
	const struct field *field = find_field(record, name);
	uint64_t value;
	uint32_t bit;

	if (!name.len)
		return parser_fail(p, name.at, "expected a field of %s",
				   record->name);
	if (!field)
		return parser_fail(p, name.at, "%s has no field '%.*s'",
				   record->name, word_quoted(name), name.at);
	bit = 1u << (field - record->fields);
	if (*seen & bit)
		return parser_fail(p, name.at, "%s is given twice",
				   field->name);
	if (*p->at != '=')
		return parser_fail(p, p->at, "expected '=' after '%s'",
				   field->name);
	p->at++;
	if (!parse_value(p, field, &value))
		return false;
	if (!parser_at_end_of_line(p) && !isspace((unsigned char)*p->at))
		return parser_fail(p, p->at,
				   "expected a blank after the value of %s",
				   field->name);
	field_set(field, base, value);
	*seen |= bit;
	return true;
}

/* In a recording, answers follow. */
static bool at_end_of_fields(const struct parser *p)
{
	return parser_at_end_of_line(p) || !strncmp(p->at, "->", 2);
}

static bool parse_fields(struct parser *p, const struct record *record,
			 void *base, uint32_t *seen)
{
	*seen = 0;
	for (parser_skip_blanks(p); !at_end_of_fields(p); parser_skip_blanks(p))
		if (!parse_field(p, record, base, seen))
			return false;
	return true;
}

/* Settings have defaults: none of them need be given. */
bool parser_config(struct parser *p, struct scenario *out, struct word name)
{
	uint32_t seen;

	if (p->config_seen || out->nr_ops)
		return parser_fail(
			p, name.at,
			"config must be the first line and the only one");
	p->config_seen = true;
	return parse_fields(p, config_record(), &out->config, &seen);
}

static const struct record *find_op(struct word name, enum op_kind *kind)
{
#define OP(id, op, fields)            \
	if (word_is(name, #op)) {     \
		*kind = OP_##op;      \
		return op_record(id); \
	}
#include "scenario/ops.def"
	return NULL;
}

bool parser_op(struct parser *p, struct scenario *out, struct word name)
{
	struct op *op = &out->ops[out->nr_ops];
	const struct record *record;
	uint32_t seen;

	if (out->nr_ops == OPS_MAX)
		return parser_fail(p, name.at, "more than %d ops", OPS_MAX);
	memset(op, 0, sizeof(*op));
	record = find_op(name, &op->kind);
	if (!record)
		return parser_fail(p, name.at, "unknown op '%.*s'",
				   word_quoted(name), name.at);
	if (!parse_fields(p, record, &op->as, &seen))
		return false;
	for (uint32_t i = 0; i < record->nr_fields; i++)
		if (!(seen & 1u << i))
			return parser_fail(p, p->at, "%s lacks '%s='",
					   record->name,
					   record->fields[i].name);
	if (op->kind == OP_vcpu_create && p->nr_vcpus++ == VCPUS_MAX)
		return parser_fail(p, name.at, "more than %d vCPUs", VCPUS_MAX);
	out->nr_ops++;
	return true;
}

static bool parse_line(struct parser *p, struct scenario *out)
{
	struct word name;

	parser_skip_blanks(p);
	if (parser_at_end_of_line(p))
		return true;
	name = parser_word(p);
	if (!name.len)
		return parser_fail(p, name.at, "expected the name of an op");
	if (!(word_is(name, "config") ? parser_config(p, out, name) :
					parser_op(p, out, name)))
		return false;
	return parser_at_end_of_line(p) ||
	       parser_fail(p, p->at, "answers have no place in a scenario");
}

bool scenario_parse(struct scenario *out, struct text_error *err,
		    const char *text)
{
	struct parser p = {
		.err = err, .line_start = text, .at = text, .line = 1
	};

	memset(&out->config, 0, sizeof(out->config));
	out->nr_ops = 0;
	do {
		if (!parse_line(&p, out))
			return false;
	} while (parser_next_line(&p));
	return true;
}

static void print_flags(FILE *out, const struct field_type *type,
			uint64_t value)
{
	const char *separator = "";

	if (!value)
		fputs("0", out);
	for (uint32_t i = 0; i < type->nr_values; i++) {
		if (!(value & type->values[i].value))
			continue;
		fprintf(out, "%s%s", separator, type->values[i].name);
		separator = "|";
	}
}

static void print_named(FILE *out, const struct field_type *type,
			uint64_t value)
{
	for (uint32_t i = 0; i < type->nr_values; i++)
		if (type->values[i].value == value)
			fputs(type->values[i].name, out);
}

static void print_record(FILE *out, const struct record *record,
			 const void *base)
{
	fputs(record->name, out);
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *field = &record->fields[i];
		uint64_t value = field_get(field, base);

		fprintf(out, " %s=", field->name);
		switch (field->type->kind) {
		case FIELD_NUMBER:
			fprintf(out, "0x%" PRIx64, value);
			break;
		case FIELD_VCPU:
			fprintf(out, "%" PRIu64, value);
			break;
		case FIELD_NAMED:
			print_named(out, field->type, value);
			break;
		case FIELD_FLAGS:
			print_flags(out, field->type, value);
			break;
		}
	}
}

void op_print(FILE *out, const struct op *op)
{
	const struct record *record = op_record(op->kind);

	CHECK(record);
	print_record(out, record, &op->as);
}

void config_print(FILE *out, const struct config *config)
{
	print_record(out, config_record(), config);
}

void scenario_print(FILE *out, const struct scenario *s)
{
	config_print(out, &s->config);
	fputc('\n', out);
	for (size_t i = 0; i < s->nr_ops; i++) {
		op_print(out, &s->ops[i]);
		fputc('\n', out);
	}
}
