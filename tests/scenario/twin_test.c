/*
 * Twins: every op of the original is there, in its order and on its own vCPU;
 * and by the architecture bystanders do not matter. The latter is shown with
 * the reference model under no errata, on scenarios that the fuzz targets'
 * mutator makes: what it promises of the original it promises, and says, of
 * the twin.
 */
#include "tests/test.h"

#include "fuzz/mutate.h"
#include "ref/model.h"
#include "scenario/twin.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct twin twin;
static struct expectation alone, beside, seen;

static void print_and_fail(struct twin_kind kind, const char *what)
{
	char name[TWIN_NAME_MAX];

	twin_name(name, kind);
	scenario_print(stderr, &scenario);
	twin_print(stderr, &twin);
	fail_msg("%s: %s", name, what);
}

static void names_are_parsed(void **state)
{
	char name[TWIN_NAME_MAX];
	struct twin_kind kind;

	(void)state;
	for (uint32_t i = 0; i < TWIN_KINDS; i++) {
		twin_name(name, twin_kind_of(i));
		assert_true(twin_parse(&kind, name));
		assert_int_equal(kind.who * ARRIVAL_NR + kind.when, i);
	}
	assert_false(twin_parse(&kind, "aliased"));
	assert_false(twin_parse(&kind, ""));
}

/* What @i of the original has become, with its vCPU's number put back. */
static void expect_same_op(struct twin_kind kind, size_t i)
{
	static struct scenario a, b;
	int vcpu = op_vcpu(&scenario.ops[i]);

	a.nr_ops = 1;
	b.nr_ops = 1;
	a.ops[0] = scenario.ops[i];
	b.ops[0] = twin.scenario.ops[twin.op_at[i]];
	if (vcpu >= 0 && op_vcpu(&b.ops[0]) != twin.vcpu_at[vcpu])
		print_and_fail(kind, "an op on another vCPU");
	if (vcpu >= 0)
		op_set_vcpu(&b.ops[0], (field_vcpu)vcpu);
	if (!scenario_equal(&a, &b))
		print_and_fail(kind, "another op");
}

static void expect_originals_in_order(struct twin_kind kind)
{
	size_t nr_bystanders = 0, nr_vcpus = 0;

	for (size_t i = 0; i < scenario.nr_ops; i++) {
		expect_same_op(kind, i);
		if (i > 0 && twin.op_at[i] <= twin.op_at[i - 1])
			print_and_fail(kind, "another order");
		if (scenario.ops[i].kind != OP_vcpu_create)
			continue;
		if (twin.is_bystander[twin.vcpu_at[nr_vcpus]])
			print_and_fail(kind, "a vCPU that is a bystander");
		nr_vcpus++;
	}
	assert_int_equal(twin.op_at[scenario.nr_ops], twin.scenario.nr_ops);
	for (size_t i = 0; i < VCPUS_MAX; i++)
		nr_bystanders += twin.is_bystander[i];
	assert_in_range(nr_bystanders, 1, 2);
	assert_int_equal(nr_vcpus + nr_bystanders,
			 scenario_nr_vcpus(&twin.scenario,
					   twin.scenario.nr_ops));
}

/* Bytes round trip: the twin is a legal scenario. */
static void expect_legal(struct twin_kind kind)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	static struct scenario again;

	scenario_decode(&again, bytes,
			scenario_encode(bytes, sizeof(bytes), &twin.scenario));
	if (!scenario_equal(&again, &twin.scenario))
		print_and_fail(kind, "not legal");
}

static bool bits_agree(const void *want, const void *got, const void *care,
		       const void *care_too, size_t size)
{
	const uint8_t *w = want, *g = got, *c = care, *d = care_too;

	for (size_t i = 0; i < size; i++)
		if ((w[i] ^ g[i]) & c[i] & d[i])
			return false;
	return true;
}

static void expect_nothing_changed(struct twin_kind kind,
				   enum schedule schedule)
{
	const struct model_setup arch = { .schedule = schedule };

	model_run(&alone, &scenario, &arch);
	model_run(&beside, &twin.scenario, &arch);
	twin_project(&seen.want, &twin, &beside.want);
	twin_project(&seen.care, &twin, &beside.care);
	assert_int_equal(alone.want.nr_steps, seen.want.nr_steps);
	assert_int_equal(alone.want.nr_states, seen.want.nr_states);
	for (uint32_t i = 0; i < scenario.nr_ops; i++)
		if (!twin.answer_is_open[i] &&
		    !bits_agree(&alone.want.steps[i].answer,
				&seen.want.steps[i].answer,
				&alone.care.steps[i].answer,
				&seen.care.steps[i].answer,
				sizeof(struct answer)))
			print_and_fail(kind, "an answer changed");
	for (uint32_t i = 0; i < alone.want.nr_states; i++)
		if (!bits_agree(&alone.want.states[i], &seen.want.states[i],
				&alone.care.states[i], &seen.care.states[i],
				sizeof(struct vcpu_state)))
			print_and_fail(kind, "a state changed");
}

static void mutate(uint64_t seed)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX], mutated[SCENARIO_BYTES_MAX];
	size_t len;

	test_parse(&scenario,
		   seed & 1 ? "config x2apic_api=use_32bit_ids\n"
			      "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
			      "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
			      "apicbase_write vcpu=1 by=host value=0xfee00c00\n"
			      "msi address=0xfee01000 data=0x41\n" :
			      "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
			      "msi address=0xfee01000 data=0x41\n");
	len = scenario_encode(bytes, sizeof(bytes), &scenario);
	for (uint64_t i = 0; i < 30; i++) {
		len = mutate_bytes(mutated, sizeof(mutated), bytes, len,
				   seed * 64 + i);
		memcpy(bytes, mutated, len);
	}
	scenario_decode(&scenario, bytes, len);
}

static void bystanders_do_not_matter(void **state)
{
	uint32_t twins[TWIN_KINDS] = { 0 };
	enum { SCENARIOS_NR = 4000 };

	(void)state;
	for (uint64_t seed = 0; seed < SCENARIOS_NR; seed++) {
		mutate(seed);
		for (uint32_t i = 0; i < TWIN_KINDS; i++) {
			struct twin_kind kind = twin_kind_of(i);

			if (!twin_make(&twin, &scenario, kind))
				continue;
			twins[i]++;
			expect_originals_in_order(kind);
			expect_legal(kind);
			expect_nothing_changed(kind, SCHEDULE_FAST);
			expect_nothing_changed(kind, SCHEDULE_STRICT);
		}
	}
	/* And most have a twin. */
	for (uint32_t i = 0; i < TWIN_KINDS; i++)
		assert_true(twins[i] > SCENARIOS_NR / 2);
}

/* The last state of the twin's @nth bystander, counted from 0. */
static const struct vcpu_state *bystander(uint32_t nth)
{
	const struct step *end = &beside.want.steps[beside.want.nr_steps - 1];
	uint32_t vcpu = 0;

	while (!twin.is_bystander[vcpu] || nth-- > 0)
		vcpu++;
	return observation_state_const(&beside.want, end, vcpu);
}

static void bystanders_are_what_they_are_called(void **state)
{
	static const struct {
		bool enabled, one_xapic_id, one_logical_id;
		enum apic_mode mode;
		uint32_t dfr;
	} rows[BYSTANDERS_NR] = {
		{ false, true, true, APIC_MODE_XAPIC, DFR_FLAT },
		{ false, true, true, APIC_MODE_XAPIC, DFR_FLAT },
		{ false, true, true, APIC_MODE_OFF, DFR_FLAT },
		{ true, true, true, APIC_MODE_X2APIC, DFR_FLAT },
		{ true, false, true, APIC_MODE_XAPIC, DFR_FLAT },
		{ true, true, true, APIC_MODE_XAPIC, DFR_CLUSTER },
	};
	const struct model_setup arch = { .schedule = SCHEDULE_FAST };

	(void)state;
	test_parse(&scenario, "vcpu_create vcpu_id=0\n");
	for (uint32_t i = 0; i < TWIN_KINDS; i++) {
		struct twin_kind kind = twin_kind_of(i);
		bool two = kind.who == BYSTANDERS_ALIASED ||
			   kind.who == BYSTANDERS_FLAT;
		const uint32_t *first, *second;

		assert_true(twin_make(&twin, &scenario, kind));
		assert_int_equal(scenario_nr_vcpus(&twin.scenario,
						   twin.scenario.nr_ops),
				 two ? 3 : 2);
		model_run(&beside, &twin.scenario, &arch);
		assert_int_equal(apic_mode(bystander(0)->apicbase),
				 rows[kind.who].mode);
		first = bystander(0)->apic;
		second = bystander(two)->apic;
		assert_int_equal(!!(first[APIC_REG_svr] & SVR_ENABLE),
				 rows[kind.who].enabled);
		assert_int_equal(first[APIC_REG_dfr], rows[kind.who].dfr);
		assert_int_equal(first[APIC_REG_id] == second[APIC_REG_id],
				 rows[kind.who].one_xapic_id);
		assert_int_equal(first[APIC_REG_ldr] == second[APIC_REG_ldr],
				 rows[kind.who].one_logical_id);
	}
}

/* Nor is a bystander one that the scenario has, or starts the machine with. */
static void taken_ids_are_left_alone(void **state)
{
	static const struct {
		const char *config, *op;
	} rows[] = {
		{ "config boot_vcpu_id=0x1fe", "observe" },
		{ "", "vcpu_create vcpu_id=0x1fe" },
		{ "", "msi address=0xfeefe000 data=0x41" },
		/* Cluster 0x1f, member 14. */
		{ "", "icr_write vcpu=0 by=host dest=0x1f4000 low=0x4841" },
	};
	struct twin_kind kind = { BYSTANDERS_DISABLED, ARRIVAL_BEFORE };
	char text[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "%s\nvcpu_create vcpu_id=0\n%s\n",
			 rows[i].config, rows[i].op);
		test_parse(&scenario, text);
		assert_true(twin_make(&twin, &scenario, kind));
		assert_int_not_equal(
			twin.scenario.ops[0].as.vcpu_create.vcpu_id, 0x1fe);
	}
}

/* What may rightly fall on a bystander is no scenario with a twin. */
static void choices_that_a_bystander_may_win(void **state)
{
	static const struct {
		const char *op;
		bool off, disabled, x2apic, flat;
	} rows[] = {
		{ "msi address=0xfee01000 data=0x141", true, true, true, true },
		{ "msi address=0xfeeff000 data=0x141", true, true, false,
		  false },
		{ "msi address=0xfeeff004 data=0x141", true, true, false,
		  false },
		{ "msi address=0xfeeff00c data=0x441", true, false, false,
		  false },
		{ "gsi_route gsi=1 address=0xfeeff00c data=0x441", true, false,
		  false, false },
		/* To whom is in the other half of the entry. */
		{ "ioapic_write vcpu=0 by=host reg=0x10 value=0x41", false,
		  false, false, false },
		{ "ioapic_write vcpu=0 by=host reg=0x10 value=0x10041", true,
		  true, true, true },
		{ "icr_write vcpu=0 by=host dest=0x20003 low=0x4941", true,
		  true, true, false },
		{ "icr_write vcpu=0 by=host dest=0 low=0xc4141", true, true,
		  false, false },
		{ "x2apic_write vcpu=0 by=host reg=icr "
		  "value=0xffffffff00004141",
		  true, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[160];
		const struct {
			enum bystanders who;
			bool want;
		} cases[] = {
			{ BYSTANDERS_OFF, rows[i].off },
			{ BYSTANDERS_DISABLED, rows[i].disabled },
			{ BYSTANDERS_X2APIC, rows[i].x2apic },
			{ BYSTANDERS_FLAT, rows[i].flat },
		};

		snprintf(text, sizeof(text), "vcpu_create vcpu_id=1\n%s\n",
			 rows[i].op);
		test_parse(&scenario, text);
		for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
			struct twin_kind kind = { cases[c].who, ARRIVAL_LATE };

			if (twin_make(&twin, &scenario, kind) != cases[c].want)
				print_and_fail(kind, rows[i].op);
		}
	}
}

static void no_room_is_no_twin(void **state)
{
	struct twin_kind kind = { BYSTANDERS_ALIASED, ARRIVAL_LATE };

	(void)state;
	scenario.nr_ops = VCPUS_MAX - 1;
	for (uint32_t i = 0; i < VCPUS_MAX - 1; i++)
		scenario.ops[i] = (struct op){ .kind = OP_vcpu_create,
					       .as.vcpu_create.vcpu_id = i };
	assert_false(twin_make(&twin, &scenario, kind));
	scenario.nr_ops--;
	assert_true(twin_make(&twin, &scenario, kind));
	/* Nor is where every ID is named by some message. */
	test_parse(&scenario, "vcpu_create vcpu_id=0\n");
	for (uint32_t i = 0; i < 256; i++)
		scenario.ops[scenario.nr_ops++] = (struct op){
			.kind = OP_msi,
			.as.msi = { APICBASE_ADDRESS_DEFAULT |
					    i << MSI_DEST_SHIFT,
				    0x41 },
		};
	assert_false(twin_make(&twin, &scenario, kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_parsed),
		cmocka_unit_test(bystanders_do_not_matter),
		cmocka_unit_test(bystanders_are_what_they_are_called),
		cmocka_unit_test(taken_ids_are_left_alone),
		cmocka_unit_test(choices_that_a_bystander_may_win),
		cmocka_unit_test(no_room_is_no_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
