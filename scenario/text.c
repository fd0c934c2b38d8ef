/*
 * Text <-> scenario. One op a line: its name, then every field as NAME=VALUE
 * in any order. `#` starts a comment. docs/scenario.md is the reference.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

/* A piece of the text. */
struct word {
	const char *at;
	size_t len;
};

struct parser {
	struct text_error *err;
	const char *line_start;
	const char *at;
	int line;
	size_t nr_vcpus;
	bool config_seen;
};

/* Record an error at @where, which lies in the current line. */
static bool __attribute__((format(printf, 3, 4)))
fail(struct parser *p, const char *where, const char *format, ...)
{
	va_list args;

	p->err->line = p->line;
	p->err->column = (int)(where - p->line_start) + 1;
	va_start(args, format);
	vsnprintf(p->err->message, sizeof(p->err->message), format, args);
	va_end(args);
	return false;
}

/* Words are quoted in messages; no more than this much of one. */
static int quoted(struct word word)
{
	return word.len > 32 ? 32 : (int)word.len;
}

static bool word_is(struct word word, const char *name)
{
	return strlen(name) == word.len && !memcmp(word.at, name, word.len);
}

static bool at_end_of_line(const struct parser *p)
{
	return *p->at == '\0' || *p->at == '\n' || *p->at == '#';
}

static void skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

/* The longest run of characters that names and numbers are made of. */
static struct word next_word(struct parser *p)
{
	struct word word = { p->at, 0 };

	while (isalnum((unsigned char)*p->at) || *p->at == '_')
		p->at++;
	word.len = (size_t)(p->at - word.at);
	return word;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Decimal, or hexadecimal after 0x; false also where 64 bits do not do. */
static bool parse_number(struct word word, uint64_t *out)
{
	bool hex = word.len > 2 && word.at[0] == '0' && word.at[1] == 'x';
	uint64_t base = hex ? 16 : 10;
	uint64_t value = 0;

	if (!word.len)
		return false;
	for (size_t i = hex ? 2 : 0; i < word.len; i++) {
		uint64_t digit = (uint64_t)digit_value(word.at[i]);

		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*out = value;
	return true;
}

static bool parse_numeric(struct parser *p, const struct field *field,
			  struct word word, uint64_t *out)
{
	const struct field_type *type = field->type;

	if (!parse_number(word, out))
		return fail(p, word.at, "'%.*s' is not a number", quoted(word),
			    word.at);
	if (type->kind == FIELD_VCPU && *out >= p->nr_vcpus)
		return fail(p, word.at,
			    "vcpu %" PRIu64 " does not exist yet: "
			    "%zu created before this line",
			    *out, p->nr_vcpus);
	if (type->kind == FIELD_NUMBER && *out > type->max)
		return fail(p, word.at, "%s must be at most 0x%" PRIx64,
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
	return fail(p, word.at, "'%.*s' is not a value of %s", quoted(word),
		    word.at, field->name);
}

/* NAME, or for flags NAME|NAME... or 0. */
static bool parse_value(struct parser *p, const struct field *field,
			uint64_t *out)
{
	struct word word = next_word(p);

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
		if (!parse_name(p, field, next_word(p), out))
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
	struct word name = next_word(p);
	const struct field *field = find_field(record, name);
	uint64_t value;
	uint32_t bit;

	if (!name.len)
		return fail(p, name.at, "expected a field of %s", record->name);
	if (!field)
		return fail(p, name.at, "%s has no field '%.*s'", record->name,
			    quoted(name), name.at);
	bit = 1u << (field - record->fields);
	if (*seen & bit)
		return fail(p, name.at, "%s is given twice", field->name);
	if (*p->at != '=')
		return fail(p, p->at, "expected '=' after '%s'", field->name);
	p->at++;
	if (!parse_value(p, field, &value))
		return false;
	if (!at_end_of_line(p) && !isspace((unsigned char)*p->at))
		return fail(p, p->at, "expected a blank after the value of %s",
			    field->name);
	field_set(field, base, value);
	*seen |= bit;
	return true;
}

static bool parse_fields(struct parser *p, const struct record *record,
			 void *base, uint32_t *seen)
{
	*seen = 0;
	for (skip_blanks(p); !at_end_of_line(p); skip_blanks(p))
		if (!parse_field(p, record, base, seen))
			return false;
	return true;
}

/* Settings have defaults: none of them need be given. */
static bool parse_config(struct parser *p, struct scenario *out,
			 struct word name)
{
	uint32_t seen;

	if (p->config_seen || out->nr_ops)
		return fail(p, name.at,
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

static bool parse_op(struct parser *p, struct scenario *out, struct word name)
{
	struct op *op = &out->ops[out->nr_ops];
	const struct record *record;
	uint32_t seen;

	if (out->nr_ops == OPS_MAX)
		return fail(p, name.at, "more than %d ops", OPS_MAX);
	memset(op, 0, sizeof(*op));
	record = find_op(name, &op->kind);
	if (!record)
		return fail(p, name.at, "unknown op '%.*s'", quoted(name),
			    name.at);
	if (!parse_fields(p, record, &op->as, &seen))
		return false;
	for (uint32_t i = 0; i < record->nr_fields; i++)
		if (!(seen & 1u << i))
			return fail(p, p->at, "%s lacks '%s='", record->name,
				    record->fields[i].name);
	if (op->kind == OP_vcpu_create && p->nr_vcpus++ == VCPUS_MAX)
		return fail(p, name.at, "more than %d vCPUs", VCPUS_MAX);
	out->nr_ops++;
	return true;
}

static bool parse_line(struct parser *p, struct scenario *out)
{
	struct word name;

	skip_blanks(p);
	if (at_end_of_line(p))
		return true;
	name = next_word(p);
	if (!name.len)
		return fail(p, name.at, "expected the name of an op");
	if (word_is(name, "config"))
		return parse_config(p, out, name);
	return parse_op(p, out, name);
}

bool scenario_parse(struct scenario *out, struct text_error *err,
		    const char *text)
{
	struct parser p = { .err = err, .line_start = text, .at = text };

	memset(&out->config, 0, sizeof(out->config));
	out->nr_ops = 0;
	for (p.line = 1;; p.line++) {
		if (!parse_line(&p, out))
			return false;
		p.at += strcspn(p.at, "\n");
		if (!*p.at)
			return true;
		p.line_start = ++p.at;
	}
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

void scenario_print(FILE *out, const struct scenario *s)
{
	print_record(out, config_record(), &s->config);
	fputc('\n', out);
	for (size_t i = 0; i < s->nr_ops; i++) {
		op_print(out, &s->ops[i]);
		fputc('\n', out);
	}
}
