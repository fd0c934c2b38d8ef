/*
 * The mutator: what it makes is a legal scenario, equal seeds give equal
 * results, and from a scenario with one vCPU it soon comes to what the errata
 * are about: an alias, a broadcast, every op.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_seeds_give_equal_results),
		cmocka_unit_test(what_matters_comes_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
