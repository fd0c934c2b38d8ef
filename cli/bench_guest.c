/* What commands of a guest cost, one and many in a KVM_RUN. */
#include "cli/bench.h"

enum {
	RUNS = 2000,
	MANY = 16,
};

static void add(struct scenario *s, enum op_kind kind, enum agent by)
{
	struct op *op = &s->ops[s->nr_ops++];

	op->kind = kind;
	if (kind == OP_lapic_read)
		op->as.lapic_read = (struct op_lapic_read){
			.by = by,
			.reg = APIC_REG_tpr,
		};
}

/* Microseconds that @s takes on a VM that is used again. */
static double time_of(struct bench *b, const struct scenario *s)
{
	double start = 0;

	for (int i = -2; i < RUNS; i++) {
		if (i == 0)
			start = bench_now();
		kvmdrv_run(b->sides.drv, &b->got, s, SCHEDULE_FAST);
	}
	return (bench_now() - start) / RUNS * 1e6;
}

/*
 * Of @nr commands in one KVM_RUN. The guest ran before it, so that its start
 * and the reset after it are on both sides of the difference.
 */
static double time_of_commands(struct bench *b, int nr)
{
	static struct scenario s;
	double without;

	s.nr_ops = 0;
	add(&s, OP_vcpu_create, AGENT_HOST);
	add(&s, OP_lapic_read, AGENT_GUEST);
	add(&s, OP_lapic_read, AGENT_HOST);
	without = time_of(b, &s);
	for (int i = 0; i < nr; i++)
		add(&s, OP_lapic_read, AGENT_GUEST);
	return time_of(b, &s) - without;
}

double bench_command(struct bench *b)
{
	return time_of_commands(b, 1);
}

double bench_commands(struct bench *b)
{
	return time_of_commands(b, MANY);
}
