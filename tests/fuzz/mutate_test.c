/*
 * The mutator: what it makes is a legal scenario, equal seeds give equal
 * results, every change that it is to know turns up, and from a scenario with
 * one vCPU it soon comes to what the errata are about: an alias, a broadcast,
 * every op.
 */
#include "tests/test.h"

#include "fuzz/mutate.h"
#include "scenario/tables.h"
#include "scenario/x86.h"

static uint8_t bytes[SCENARIO_BYTES_MAX], again[SCENARIO_BYTES_MAX];
static struct scenario scenario;

static size_t start(void)
{
	test_parse(&scenario, "vcpu_create vcpu_id=0x23\n");
	return scenario_encode(bytes, sizeof(bytes), &scenario);
}

static void equal_seeds_give_equal_results(void **state)
{
	size_t len = start();

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		size_t a = mutate_bytes(again, sizeof(again), bytes, len, seed);
		static uint8_t other[SCENARIO_BYTES_MAX];
		size_t b = mutate_bytes(other, sizeof(other), bytes, len, seed);

		assert_int_equal(a, b);
		assert_memory_equal(again, other, a);
	}
}

/* Does the scenario have two vCPUs with equal low 8 bits of their IDs? */
static bool has_alias(void)
{
	bool seen[256] = { false };

	for (size_t i = 0; i < scenario.nr_ops; i++) {
		uint32_t id = scenario.ops[i].as.vcpu_create.vcpu_id;

		if (scenario.ops[i].kind != OP_vcpu_create)
			continue;
		if (seen[id & 0xff])
			return true;
		seen[id & 0xff] = true;
	}
	return false;
}

static bool has_broadcast(void)
{
	for (size_t i = 0; i < scenario.nr_ops; i++)
		if (scenario.ops[i].kind == OP_msi &&
		    (scenario.ops[i].as.msi.address >> MSI_DEST_SHIFT & 0xff) ==
			    XAPIC_BROADCAST)
			return true;
	return false;
}

static void what_matters_comes_soon(void **state)
{
	int aliases = 0, broadcasts = 0, ops[256] = { 0 };

	(void)state;
	for (uint64_t run = 0; run < 200; run++) {
		size_t len = start();

		for (uint64_t step = 0; step < 20; step++) {
			len = mutate_bytes(again, sizeof(again), bytes, len,
					   run * 1000 + step);
			memcpy(bytes, again, len);
		}
		scenario_decode(&scenario, bytes, len);
		aliases += has_alias();
		broadcasts += has_broadcast();
		for (size_t i = 0; i < scenario.nr_ops; i++)
			ops[scenario.ops[i].kind]++;
	}
	assert_true(aliases > 20);
	assert_true(broadcasts > 5);
	for (uint32_t kind = 0; kind < 256; kind++)
		if (op_record(kind) && !ops[kind])
			fail_msg("op %s is never made", op_record(kind)->name);
}

enum { SEEDS = 50000 };

/*
 * One change, by what it makes of a scenario. So many of the seeds must give
 * just that; a third of what did when this was written, and more than what
 * other changes come to by chance.
 */
static const struct change {
	int least;
	const char *name;
	const char *before;
	const char *other; /* NULL: no second scenario */
	const char *after;
} changes[] = {
	{ 125, "insert", "vcpu_create vcpu_id=1\n", NULL,
	  "vcpu_create vcpu_id=1\nobserve\n" },
	{ 500, "delete", "vcpu_create vcpu_id=1\nobserve\n", NULL,
	  "vcpu_create vcpu_id=1\n" },
	{ 36, "delete a vCPU with its ops",
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
	  "lapic_write vcpu=0 by=host reg=tpr value=0x40\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x41\n",
	  NULL,
	  "vcpu_create vcpu_id=2\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x41\n" },
	{ 375, "duplicate", "msi address=0xfee01000 data=0x42\n", NULL,
	  "msi address=0xfee01000 data=0x42\n"
	  "msi address=0xfee01000 data=0x42\n" },
	{ 37, "swap",
	  "msi address=0x1 data=0x1\nmsi address=0x2 data=0x2\n"
	  "msi address=0x3 data=0x3\nmsi address=0x4 data=0x4\n",
	  NULL,
	  "msi address=0x4 data=0x4\nmsi address=0x2 data=0x2\n"
	  "msi address=0x3 data=0x3\nmsi address=0x1 data=0x1\n" },
	{ 12, "a setting", "config irqchip=split\nobserve\n", NULL,
	  "config irqchip=full\nobserve\n" },
	{ 1250, "a flag", "x2apic_api_enable flags=use_32bit_ids\n", NULL,
	  "x2apic_api_enable flags=disable_broadcast_quirk\n" },
	{ 1, "an aliased ID",
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=7\n", NULL,
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0x723\n" },
	{ 12, "an ID truncated to 8 bits",
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=7\n", NULL,
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0x23\n" },
	{ 10, "an ID one off",
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=7\n", NULL,
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0x124\n" },
	{ 1, "an ID on the boundary",
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=7\n", NULL,
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0xffe\n" },
	{ 75, "a value one less", "msi address=0x12345678 data=0x42\n", NULL,
	  "msi address=0x12345677 data=0x42\n" },
	{ 17, "a value of another op",
	  "msi address=0x1234567890 data=0x42\n"
	  "msi address=0x777 data=0x1\n",
	  NULL,
	  "msi address=0x1234567890 data=0x42\n"
	  "msi address=0x1234567890 data=0x1\n" },
	{ 25, "an existing LDR as a destination",
	  "vcpu_create vcpu_id=1\n"
	  "lapic_write vcpu=0 by=host reg=ldr value=0x5a000000\n"
	  "icr_write vcpu=0 by=host dest=1 low=0x4842\n",
	  NULL,
	  "vcpu_create vcpu_id=1\n"
	  "lapic_write vcpu=0 by=host reg=ldr value=0x5a000000\n"
	  "icr_write vcpu=0 by=host dest=0x5a low=0x4842\n" },
	{ 1, "a vCPU created earlier, its ops still its own",
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
	  "vcpu_create vcpu_id=3\n"
	  "lapic_write vcpu=0 by=host reg=tpr value=0x40\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x41\n"
	  "lapic_write vcpu=2 by=host reg=tpr value=0x42\n",
	  NULL,
	  "vcpu_create vcpu_id=3\nvcpu_create vcpu_id=1\n"
	  "vcpu_create vcpu_id=2\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x40\n"
	  "lapic_write vcpu=2 by=host reg=tpr value=0x41\n"
	  "lapic_write vcpu=0 by=host reg=tpr value=0x42\n" },
	{ 3, "a vCPU created last, its ops still its own",
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x41\n",
	  NULL,
	  "vcpu_create vcpu_id=2\n"
	  "lapic_write vcpu=0 by=host reg=tpr value=0x41\nvcpu_create "
	  "vcpu_id=1\n" },
	{ 112, "a mode toggled",
	  "vcpu_create vcpu_id=1\n"
	  "apicbase_write vcpu=0 by=host value=0x12345800\n",
	  NULL,
	  "vcpu_create vcpu_id=1\n"
	  "apicbase_write vcpu=0 by=host value=0x12345c00\n" },
	{ 37, "a mode entered",
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\nobserve\n", NULL,
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
	  "apicbase_write vcpu=1 by=host value=0xfee00c00\nobserve\n" },
	{ 21, "ops spliced in, with their vCPU",
	  "vcpu_create vcpu_id=1\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x40\n",
	  "vcpu_create vcpu_id=2\nvcpu_create vcpu_id=3\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x41\nobserve\n",
	  "vcpu_create vcpu_id=3\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x41\n"
	  "vcpu_create vcpu_id=1\nlapic_write vcpu=1 by=host reg=tpr "
	  "value=0x40\n" },
	{ 225, "ops spliced in, and vCPUs after vCPUs",
	  "vcpu_create vcpu_id=1\n",
	  "vcpu_create vcpu_id=3\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x41\n",
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=3\n"
	  "lapic_write vcpu=1 by=host reg=tpr value=0x41\n" },
	{ 1250, "ops spliced in, for a vCPU that is there",
	  "vcpu_create vcpu_id=1\nobserve\n",
	  "vcpu_create vcpu_id=2\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x41\n",
	  "vcpu_create vcpu_id=1\nlapic_write vcpu=0 by=host reg=tpr "
	  "value=0x41\n"
	  "observe\n" },
	{ 41, "another end, and other settings",
	  "config irqchip=split\nvcpu_create vcpu_id=1\nobserve\n",
	  "config irqchip=full\nvcpu_create vcpu_id=2\n"
	  "vcpu_create vcpu_id=3\nlapic_write vcpu=1 by=host reg=tpr "
	  "value=0x41\n",
	  "config irqchip=full\nvcpu_create vcpu_id=1\n"
	  "vcpu_create vcpu_id=3\nlapic_write vcpu=1 by=host reg=tpr "
	  "value=0x41\n" },
};

/* All vCPUs come first, and an APIC is written before a message is sent. */
static bool is_usual(const struct scenario *s)
{
	size_t nr = scenario_nr_vcpus(s, s->nr_ops);

	if (scenario_nr_vcpus(s, nr) != nr)
		return false;
	for (size_t i = nr; i < s->nr_ops; i++) {
		if (s->ops[i].kind == OP_lapic_write)
			return true;
		if (s->ops[i].kind == OP_msi || s->ops[i].kind == OP_icr_write)
			return false;
	}
	return true;
}

/* VMs wait for most scenarios, and new kinds of them come up all the time. */
static void most_scenarios_have_the_usual_shape(void **state)
{
	static const char text[] = "vcpu_create vcpu_id=1\n"
				   "msi address=0xfee01000 data=0x42\n"
				   "vcpu_create vcpu_id=2\n"
				   "self_ipi vcpu=1 by=host vector=0x41\n";
	int usual = 0, same_vcpus = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 12000; seed++) {
		size_t len;

		test_parse(&scenario, text);
		len = scenario_encode(bytes, sizeof(bytes), &scenario);
		len = mutate_bytes(again, sizeof(again), bytes, len, seed);
		scenario_decode(&scenario, again, len);
		usual += is_usual(&scenario);
		same_vcpus += scenario_nr_vcpus(&scenario, scenario.nr_ops) ==
				      2 &&
			      scenario.ops[0].as.vcpu_create.vcpu_id == 1 &&
			      scenario.ops[1].as.vcpu_create.vcpu_id == 2;
	}
	assert_in_range(usual, 10000, 11500);
	assert_in_range(same_vcpus, 7000, 11500);
}

static size_t bytes_of(uint8_t *out, const char *text)
{
	test_parse(&scenario, text);
	return scenario_encode(out, SCENARIO_BYTES_MAX, &scenario);
}

/* How many seeds of many give just this? */
static int turns_up(const struct change *change)
{
	static uint8_t before[SCENARIO_BYTES_MAX], after[SCENARIO_BYTES_MAX];
	static uint8_t second[SCENARIO_BYTES_MAX];
	const char *other = change->other ? change->other : "observe\n";
	struct mutate_input a = { before, bytes_of(before, change->before) };
	struct mutate_input b = { second, bytes_of(second, other) };
	size_t len = bytes_of(after, change->after), got;
	int times = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		if (change->other)
			got = mutate_cross(again, sizeof(again), a, b, seed);
		else
			got = mutate_bytes(again, sizeof(again), a.bytes, a.len,
					   seed);
		/* What names a vCPU that is not there yet is dropped. */
		scenario_decode(&scenario, again, got);
		got = scenario_encode(again, sizeof(again), &scenario);
		times += got == len && !memcmp(again, after, len);
	}
	return times;
}

static void every_change_turns_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		int times = turns_up(&changes[i]);

		if (times < changes[i].least)
			fail_msg("%s: want %d, got %d", changes[i].name,
				 changes[i].least, times);
	}
}

/* Whatever is crossed: it is a scenario, and the same one each time. */
static void crossings_are_legal(void **state)
{
	static uint8_t other[SCENARIO_BYTES_MAX];
	uint8_t a[512], b[512];
	uint64_t random = 1;

	(void)state;
	for (uint64_t seed = 0; seed < 20000; seed++) {
		struct mutate_input first = { a, seed % sizeof(a) };
		struct mutate_input second = { b, seed * 7 % sizeof(b) };
		size_t len;

		for (size_t i = 0; i < sizeof(a); i++) {
			a[i] = (uint8_t)(test_random(&random) & 15);
			b[i] = (uint8_t)(test_random(&random) & 15);
		}
		len = mutate_cross(again, sizeof(again), first, second, seed);
		assert_true(len <= sizeof(again));
		scenario_decode(&scenario, again, len);
		assert_int_equal(len, mutate_cross(other, sizeof(other), first,
						   second, seed));
		assert_memory_equal(again, other, len);
	}
}

/* What one call makes of a scenario with a message, by what has changed. */
struct made {
	int other_kind;	   /* to the same destination, with the same vector */
	int twice;	   /* the message, and at once again */
	int init_deassert; /* which wants three fields of one number changed */
	int logical;	   /* an MSI to the logical ID that the LDR has */
};

static void count_made(struct made *out, size_t i)
{
	const struct op *op = &scenario.ops[i];
	const struct op_icr_write *icr = &op->as.icr_write;
	uint64_t address = op->as.msi.address;

	if (op->kind == OP_msi)
		out->logical += address & MSI_LOGICAL &&
				(address >> MSI_DEST_SHIFT & 0xff) == 0x40;
	if (op->kind != OP_icr_write)
		return;
	out->other_kind += icr->dest == 0x23 && (icr->low & 0xff) == 0x41 &&
			   icr->low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	out->init_deassert += (icr->low & 0xc700) == 0x8500;
	out->twice += i > 0 && !memcmp(op, &scenario.ops[i - 1], sizeof(*op));
}

static void messages_change_by_parts(void **state)
{
	struct made made = { 0 };
	size_t len;

	(void)state;
	test_parse(&scenario,
		   "vcpu_create vcpu_id=0x23\n"
		   "lapic_write vcpu=0 by=host reg=ldr value=0x40000000\n"
		   "icr_write vcpu=0 by=host dest=0x23 low=0x4041\n");
	len = scenario_encode(bytes, sizeof(bytes), &scenario);
	for (uint64_t seed = 0; seed < 60000; seed++) {
		size_t new_len =
			mutate_bytes(again, sizeof(again), bytes, len, seed);

		scenario_decode(&scenario, again, new_len);
		for (size_t i = 0; i < scenario.nr_ops; i++)
			count_made(&made, i);
	}
	assert_true(made.other_kind > 40);
	assert_true(made.twice > 500);
	assert_true(made.init_deassert > 5);
	assert_true(made.logical > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_seeds_give_equal_results),
		cmocka_unit_test(every_change_turns_up),
		cmocka_unit_test(most_scenarios_have_the_usual_shape),
		cmocka_unit_test(crossings_are_legal),
		cmocka_unit_test(what_matters_comes_soon),
		cmocka_unit_test(messages_change_by_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
