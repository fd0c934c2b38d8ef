/*
 * Makes a scenario long that differs: puts random ops in between, each of which
 * leaves the signature as it is. Prints the result.
 *
 *   pad SET FILE OPS SEED     SET as in --against, but by its rows
 *
 * Exit status 3: it did not get that long.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/draw.h"
#include "kvmdrv/danger.h"
#include "oracle/oracle.h"
#include "ref/model.h"

enum { TEXT_MAX = 1 << 16, TRIES_MAX = 4000 };

static struct kvmdrv *drv;
static struct danger_host limits;
static struct oracle_workspace work;

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	(void)context;
	kvmdrv_run(drv, out, s, schedule);
}

static struct oracle_sides sides = { .expect = model_run,
				     .observe = observe,
				     .row_name = erratum_name };

static void read_scenario(struct scenario *out, const char *path)
{
	static char text[TEXT_MAX];
	struct text_error err;
	FILE *in = fopen(path, "r");

	CHECK(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	CHECK(scenario_parse(out, &err, text));
}

/* Where vCPUs move up, the ops after them follow. */
static void insert(struct scenario *s, size_t at, const struct op *op)
{
	int created = (int)scenario_nr_vcpus(s, at);

	memmove(&s->ops[at + 1], &s->ops[at],
		(s->nr_ops - at) * sizeof(s->ops[0]));
	s->ops[at] = *op;
	s->nr_ops++;
	if (op->kind != OP_vcpu_create)
		return;
	for (size_t i = at + 1; i < s->nr_ops; i++)
		if (op_vcpu(&s->ops[i]) >= created)
			op_set_vcpu(&s->ops[i],
				    (field_vcpu)(op_vcpu(&s->ops[i]) + 1));
}

/* Any op, with values that the scenario suggests; bytes make it legal. */
static void insert_any(struct mutator *m)
{
	static const enum op_kind kinds[] = {
#define OP(id, name, fields) OP_##name,
#include "scenario/ops.def"
	};
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	struct op op = { .kind = DRAW_FROM(m, kinds) };
	const struct record *record = op_record(op.kind);

	for (uint32_t i = 0; i < record->nr_fields; i++)
		field_set(&record->fields[i], &op.as,
			  draw_field(m, record->fields[i].type, 0));
	insert(m->s, draw(m, m->s->nr_ops + 1), &op);
	scenario_decode(m->s, bytes,
			scenario_encode(bytes, sizeof(bytes), m->s));
}

static bool is_as_before(const struct scenario *s, const struct verdict *v)
{
	struct kvmdrv_reason reason;
	struct verdict verdict;

	if (danger_check(&reason, &limits, s) != DANGER_NONE)
		return false;
	oracle_examine(&verdict, &sides, s, &work);
	return verdict.kind == v->kind &&
	       !strcmp(verdict.signature, v->signature);
}

static void pad(struct scenario *s, size_t nr_ops, uint64_t seed)
{
	static struct scenario longer;
	struct mutator m = { &longer, seed * 2 + 1 };
	struct verdict verdict;

	oracle_examine(&verdict, &sides, s, &work);
	CHECK(verdict.kind != VERDICT_AGREE);
	for (int i = 0; i < TRIES_MAX && s->nr_ops < nr_ops; i++) {
		longer = *s;
		insert_any(&m);
		if (longer.nr_ops > s->nr_ops &&
		    is_as_before(&longer, &verdict))
			*s = longer;
	}
}

int main(int argc, char **argv)
{
	static struct scenario scenario;
	struct kvmdrv_reason reason;
	const char *unknown;
	size_t nr_ops;

	CHECK(argc == 5);
	CHECK(errata_parse(&sides.errata, &unknown, argv[1]));
	sides.switchable = errata_switchable();
	sides.usual = errata_observed();
	read_scenario(&scenario, argv[2]);
	nr_ops = strtoul(argv[3], NULL, 10);
	CHECK(kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) == 0);
	danger_host_here(&limits, drv);
	pad(&scenario, nr_ops, strtoull(argv[4], NULL, 10));
	kvmdrv_close(drv);
	scenario_print(stdout, &scenario);
	return scenario.nr_ops < nr_ops ? 3 : 0;
}
