/*
 * Minimal scenarios. Every step makes a candidate that is smaller than what
 * there is; it takes the place of that if it still does what is to be kept.
 * So there is an end, and at the end no step is left.
 */
#include "scenario/minimize.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/tables.h"
#include "scenario/x86.h"

/* The settings are a record like those of ops, and stand before them. */
enum { THE_SETTINGS = -1 };

/*
 * All pairs of ops are tried where there are no more of them than that, and
 * where there are fewer, ops of all kinds in the place of two.
 */
enum { PAIRS_OPS_MAX = 16, KINDS_OPS_MAX = 8 };

static bool take(struct minimizer *m, struct scenario *s)
{
	if (scenario_equal(&m->candidate, s) ||
	    !m->holds(m->context, &m->candidate))
		return false;
	*s = m->candidate;
	return true;
}

static bool drop(struct minimizer *m, struct scenario *s, size_t index,
		 size_t nr)
{
	m->candidate = *s;
	for (size_t i = 0; i < nr; i++)
		scenario_remove_op(&m->candidate, index);
	return take(m, s);
}

/* Pieces of @piece ops, from the end. */
static bool drop_pieces(struct minimizer *m, struct scenario *s, size_t piece)
{
	bool dropped = false;

	for (size_t i = s->nr_ops; i-- > 0;)
		if (i % piece == 0 && i < s->nr_ops)
			dropped |= drop(m, s, i, piece);
	return dropped;
}

/* Large pieces first, then smaller ones; single ops until none goes. */
static void drop_ops(struct minimizer *m, struct scenario *s)
{
	for (size_t piece = s->nr_ops / 2; piece > 1; piece /= 2)
		drop_pieces(m, s, piece);
	while (drop_pieces(m, s, 1))
		;
}

/* Two at a time: what one of them brings about the other may undo. */
static bool drop_pair(struct minimizer *m, struct scenario *s)
{
	if (s->nr_ops > PAIRS_OPS_MAX)
		return false;
	for (size_t b = s->nr_ops; b-- > 0;) {
		for (size_t a = b; a-- > 0;) {
			m->candidate = *s;
			scenario_remove_op(&m->candidate, b);
			scenario_remove_op(&m->candidate, a);
			if (take(m, s))
				return true;
		}
	}
	return false;
}

static const struct record *record_of(const struct scenario *s, int op)
{
	return op == THE_SETTINGS ? config_record() :
				    op_record(s->ops[op].kind);
}

static void *base_of(struct scenario *s, int op)
{
	return op == THE_SETTINGS ? (void *)&s->config : (void *)&s->ops[op].as;
}

/* What a field holds that says nothing in particular. */
static uint64_t plain_value(const struct field_type *type)
{
	if (type->id == TYPE_msi_address)
		return APICBASE_ADDRESS_DEFAULT;
	if (type->id == TYPE_apicbase)
		return APICBASE_ADDRESS_DEFAULT | APICBASE_EN;
	return type->kind == FIELD_NAMED ? type->values[0].value : 0;
}

/* What an op says of a thing that there is a setting for, the setting says. */
static bool move_to_settings(struct minimizer *m, struct scenario *s, int op)
{
	const struct record *record = record_of(s, op);
	const struct record *settings = config_record();
	bool any = false;

	m->candidate = *s;
	for (uint32_t i = 0; i < record->nr_fields; i++) {
		const struct field *from = &record->fields[i];
		uint64_t value = field_get(from, base_of(s, op));

		for (uint32_t j = 0; j < settings->nr_fields; j++) {
			const struct field *to = &settings->fields[j];

			if (to->type != from->type)
				continue;
			if (to->type->kind == FIELD_FLAGS)
				value |= field_get(to, &s->config);
			field_set(to, &m->candidate.config, value);
			any = true;
		}
	}
	if (!any)
		return false;
	scenario_remove_op(&m->candidate, (size_t)op);
	return take(m, s);
}

/* The op that creates @vcpu. */
static size_t creation_of(const struct scenario *s, int vcpu)
{
	size_t i = 0;

	while (scenario_nr_vcpus(s, i + 1) <= (size_t)vcpu)
		i++;
	return i;
}

/* What acts on vCPU @from acts on @to, and @from is not created. */
static bool merge(struct minimizer *m, struct scenario *s, int from, int to)
{
	size_t created = creation_of(s, to);

	m->candidate = *s;
	for (size_t i = 0; i < s->nr_ops; i++) {
		struct op *op = &m->candidate.ops[i];

		if (op_vcpu(op) != from)
			continue;
		if (i < created)
			return false;
		op_set_vcpu(op, (field_vcpu)to);
	}
	scenario_remove_op(&m->candidate, creation_of(s, from));
	return take(m, s);
}

static bool merge_vcpus(struct minimizer *m, struct scenario *s)
{
	int nr = (int)scenario_nr_vcpus(s, s->nr_ops);

	for (int from = nr; from-- > 0;)
		for (int to = 0; to < nr; to++)
			if (to != from && merge(m, s, from, to))
				return true;
	return false;
}

/* @op becomes one of @kind that says nothing in particular, of the same vCPU. */
static void change_kind(struct op *op, uint32_t kind)
{
	const struct record *record = op_record(kind);
	int vcpu = op_vcpu(op);

	memset(op, 0, sizeof(*op));
	op->kind = (enum op_kind)kind;
	for (uint32_t i = 0; i < record->nr_fields; i++)
		field_set(&record->fields[i], &op->as,
			  plain_value(record->fields[i].type));
	if (op_vcpu(op) >= 0)
		op_set_vcpu(op, (field_vcpu)vcpu);
}

/* Without op @dropped, is there a kind of which op @index does for both? */
static bool do_for_both(struct minimizer *m, struct scenario *s, size_t dropped,
			size_t index)
{
	if (op_vcpu(&s->ops[index]) < 0)
		return false;
	for (uint32_t kind = 0; kind <= UINT8_MAX; kind++) {
		if (kind == OP_vcpu_create || !op_record(kind))
			continue;
		m->candidate = *s;
		change_kind(&m->candidate.ops[index], kind);
		scenario_remove_op(&m->candidate, dropped);
		if (take(m, s))
			return true;
	}
	return false;
}

static bool replace_two(struct minimizer *m, struct scenario *s)
{
	if (s->nr_ops > KINDS_OPS_MAX)
		return false;
	for (size_t a = 0; a < s->nr_ops; a++)
		for (size_t b = 0; b < s->nr_ops; b++)
			if (a != b && do_for_both(m, s, a, b))
				return true;
	return false;
}

/* Fewer ops, in other ways than by dropping one. */
static bool save_an_op(struct minimizer *m, struct scenario *s)
{
	for (int i = (int)s->nr_ops; i-- > 0;)
		if (move_to_settings(m, s, i))
			return true;
	return merge_vcpus(m, s) || drop_pair(m, s) || replace_two(m, s);
}

static bool try_value(struct minimizer *m, struct scenario *s, int op,
		      const struct field *field, uint64_t value)
{
	m->candidate = *s;
	field_set(field, base_of(&m->candidate, op), value);
	return take(m, s);
}

/*
 * The bits in which a number or a set of flags differs from what is plain:
 * none of them; else, from the highest on, without each one.
 */
static bool plainer_bits(struct minimizer *m, struct scenario *s, int op,
			 const struct field *field)
{
	uint64_t value = field_get(field, base_of(s, op));
	uint64_t bits = value ^ plain_value(field->type);
	bool better = false;

	if (!bits)
		return false;
	if (try_value(m, s, op, field, value ^ bits))
		return true;
	for (int i = 64; i-- > 0;) {
		if (!(bits >> i & 1) ||
		    !try_value(m, s, op, field, value ^ 1ull << i))
			continue;
		value ^= 1ull << i;
		better = true;
	}
	return better;
}

/* Bits that have to be there, as low as they can be. */
static bool lower_bits(struct minimizer *m, struct scenario *s, int op,
		       const struct field *field)
{
	bool better = false;

	for (int i = 1; i < 64; i++) {
		for (int to = 0; to < i; to++) {
			uint64_t value = field_get(field, base_of(s, op));
			uint64_t bits = value ^ plain_value(field->type);

			if (!(bits >> i & 1))
				break;
			if (!(bits >> to & 1))
				better |= try_value(m, s, op, field,
						    value ^ 1ull << i ^
							    1ull << to);
		}
	}
	return better;
}

/* An earlier one of the values that have names, or an earlier vCPU. */
static bool earlier_value(struct minimizer *m, struct scenario *s, int op,
			  const struct field *field)
{
	const struct field_type *type = field->type;
	uint64_t value = field_get(field, base_of(s, op));

	for (uint64_t i = 0;; i++) {
		uint64_t other =
			type->kind == FIELD_VCPU ? i : type->values[i].value;

		if (other == value)
			return false;
		if (try_value(m, s, op, field, other))
			return true;
	}
}

static bool plainer_field(struct minimizer *m, struct scenario *s, int op,
			  const struct field *field)
{
	bool better;

	switch (field->type->kind) {
	case FIELD_NUMBER:
		better = plainer_bits(m, s, op, field);
		return lower_bits(m, s, op, field) || better;
	case FIELD_FLAGS:
		return plainer_bits(m, s, op, field);
	case FIELD_VCPU:
	case FIELD_NAMED:
		return earlier_value(m, s, op, field);
	}
	CHECK(!"a field of unknown kind");
	return false;
}

/* Byte @from, wherever it stands at a multiple of four bits, becomes @to. */
static uint64_t exchange(const struct field_type *type, uint64_t value,
			 uint64_t from, uint64_t to)
{
	uint64_t bits = value ^ plain_value(type);

	for (int at = 0; at <= 56; at += 4)
		if ((bits >> at & 0xff) == from) {
			bits ^= (from ^ to) << at;
			at += 4;
		}
	return bits ^ plain_value(type);
}

static bool exchange_all(struct minimizer *m, struct scenario *s, uint64_t from,
			 uint64_t to)
{
	m->candidate = *s;
	for (int op = THE_SETTINGS; op < (int)s->nr_ops; op++) {
		const struct record *record = record_of(s, op);
		void *base = base_of(&m->candidate, op);

		for (uint32_t i = 0; i < record->nr_fields; i++) {
			const struct field *field = &record->fields[i];

			if (field->type->kind == FIELD_NUMBER)
				field_set(field, base,
					  exchange(field->type,
						   field_get(field, base), from,
						   to));
		}
	}
	return take(m, s);
}

/*
 * A number that has to be the same in several places, such as the ID of a vCPU
 * and the destination of a message, becomes a smaller one in all of them.
 */
static bool smaller_bytes(struct minimizer *m, struct scenario *s)
{
	static const uint64_t small[] = { 0, 1, 2, 3, 4, 0x10, 0x11, 0x20 };
	bool in[UINT8_MAX + 1] = { false };
	bool better = false;

	for (int op = THE_SETTINGS; op < (int)s->nr_ops; op++) {
		const struct record *record = record_of(s, op);

		for (uint32_t i = 0; i < record->nr_fields; i++)
			if (record->fields[i].type->kind == FIELD_NUMBER)
				in[field_get(&record->fields[i],
					     base_of(s, op)) &
				   0xff] = true;
	}
	for (uint64_t from = 1; from < ARRAY_SIZE(in); from++) {
		bool found = !in[from];

		for (size_t i = 0; i < ARRAY_SIZE(small) && !found; i++)
			if (small[i] < from)
				found = exchange_all(m, s, from, small[i]);
		better |= found && in[from];
	}
	return better;
}

static bool plainer_fields(struct minimizer *m, struct scenario *s)
{
	bool better;

	m->in_fields = true;
	better = smaller_bytes(m, s);
	for (int op = THE_SETTINGS; op < (int)s->nr_ops; op++) {
		const struct record *record = record_of(s, op);

		for (uint32_t i = 0; i < record->nr_fields; i++)
			better |= plainer_field(m, s, op, &record->fields[i]);
	}
	m->in_fields = false;
	return better;
}

void scenario_minimize(struct minimizer *m, struct scenario *s)
{
	bool smaller;

	drop_ops(m, s);
	if (m->depth == MINIMIZE_OPS)
		return;
	do {
		smaller = save_an_op(m, s) || plainer_fields(m, s);
		while (smaller && drop_pieces(m, s, 1))
			;
	} while (smaller);
}
