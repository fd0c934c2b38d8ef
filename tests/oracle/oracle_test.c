/*
 * The oracle without KVM: the backend is the model under another set of
 * errata, so what differs and why is known. Shown are comparison, the search
 * over choices, repetition, the first op that differs, signatures that do not
 * depend on what is accidental, and shortening.
 */
#include "tests/test.h"

#include "oracle/minimize.h"
#include "oracle/oracle.h"
#include "oracle/report.h"
#include "ref/model.h"
#include "scenario/x86.h"

static struct oracle_workspace work;
static struct expectation seen;
static struct scenario scenario;
static struct verdict verdict;
static const struct minimize_task shorten = { .depth = MINIMIZE_OPS };

/* Both sides are models. */
struct pair {
	struct errata expected;
	struct errata switchable;
	struct model_setup observed;
	int flaky; /* 1: only the first observation is under @observed */
};

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	struct pair *pair = context;
	struct model_setup setup = pair->observed;

	if (pair->flaky < 0)
		setup.errata = pair->expected;
	if (pair->flaky)
		pair->flaky = -1;
	setup.schedule = schedule;
	model_run(&seen, s, &setup);
	observation_copy(out, &seen.want);
}

static void set(struct errata *out, const char *name)
{
	const char *unknown;

	assert_true(errata_parse(out, &unknown, name));
}

static struct oracle_sides sides_of(struct pair *pair)
{
	return (struct oracle_sides){ .expect = model_run,
				      .errata = pair->expected,
				      .switchable = pair->switchable,
				      .row_name = erratum_name,
				      .observe = observe,
				      .context = pair };
}

static void examine(struct pair *pair, const char *text)
{
	struct oracle_sides sides = sides_of(pair);

	test_parse(&scenario, text);
	oracle_examine(&verdict, &sides, &scenario, &work);
}

static struct pair pair_of(const char *expected, const char *observed)
{
	struct pair pair = { 0 };

	set(&pair.expected, expected);
	set(&pair.observed.errata, observed);
	return pair;
}

#define TWO(first, second)                                 \
	"config x2apic_api=use_32bit_ids\n"                \
	"vcpu_create vcpu_id=" first "\n"                  \
	"vcpu_create vcpu_id=" second "\n"                 \
	"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n" \
	"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"

static void a_model_agrees_with_itself(void **state)
{
	struct pair pair = pair_of("documented", "documented");
	uint64_t random = 5;
	uint8_t bytes[256];
	struct oracle_sides sides = sides_of(&pair);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)(test_random(&random) % 14);
		scenario_decode(&scenario, bytes, sizeof(bytes));
		oracle_examine(&verdict, &sides, &scenario, &work);
		assert_int_equal(verdict.kind, VERDICT_AGREE);
	}
}

static void the_first_op_that_differs_is_named(void **state)
{
	struct pair pair = pair_of("arch", "documented");

	(void)state;
	examine(&pair, TWO("0x123", "0x23") "observe\n"
					    "msi address=0xfee23000 data=0x45\n"
					    "observe\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.step, 5);
	assert_int_equal(verdict.cause, 5);
	assert_int_equal(verdict.nr_differences, 1);
	assert_int_equal(verdict.differences[0].vcpu, 0);
	assert_string_equal(verdict.differences[0].name, "apic_irr2");
	assert_int_equal(verdict.differences[0].want, 0x20);
	assert_int_equal(verdict.differences[0].got, 0);
	assert_int_equal(verdict.symptom, SYMPTOM_LOST);
	assert_string_equal(
		verdict.signature,
		"msi.physical.fixed host apic_irr lost xapic ids32");
}

/* An INIT shows at the end only; the message before is its cause. */
static void the_cause_of_what_shows_later_is_named(void **state)
{
	struct pair pair = pair_of("arch", "documented");

	(void)state;
	examine(&pair,
		TWO("0x123",
		    "0x23") "msi address=0xfee23000 data=0x500\n"
			    "lapic_write vcpu=1 by=host reg=tpr value=0\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.step, 6);
	assert_int_equal(verdict.cause, 4);
	assert_int_equal(strncmp(verdict.signature, "msi.physical.init ", 18),
			 0);
}

static void what_is_gone_when_repeated_is_flaky(void **state)
{
	struct pair pair = pair_of("arch", "documented");

	(void)state;
	pair.flaky = 1;
	examine(&pair,
		TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45\n");
	assert_int_equal(verdict.kind, VERDICT_FLAKY);
}

/* Five lowest-priority messages, each to one of two: the last of 32 lists. */
static void any_choice_agrees(void **state)
{
	struct pair pair = pair_of("arch", "arch");

	(void)state;
	memset(pair.observed.choices.pick, 1, 8);
	examine(&pair, TWO("1", "0x101") "msi address=0xfee01000 data=0x141\n"
					 "msi address=0xfee01000 data=0x142\n"
					 "msi address=0xfee01000 data=0x143\n"
					 "msi address=0xfee01000 data=0x144\n"
					 "msi address=0xfee01000 data=0x145\n");
	assert_int_equal(verdict.kind, VERDICT_AGREE);
	/* Ten are 1024 lists: found step by step. */
	examine(&pair, TWO("1", "0x101") "msi address=0xfee01000 data=0x141\n"
					 "msi address=0xfee01000 data=0x142\n"
					 "msi address=0xfee01000 data=0x143\n"
					 "msi address=0xfee01000 data=0x144\n"
					 "msi address=0xfee01000 data=0x145\n"
					 "msi address=0xfee01000 data=0x146\n"
					 "msi address=0xfee01000 data=0x147\n"
					 "msi address=0xfee01000 data=0x148\n");
	assert_int_equal(verdict.kind, VERDICT_AGREE);
}

static void nobody_is_no_choice(void **state)
{
	struct pair pair = pair_of("arch", "arch,+canary");

	(void)state;
	examine(&pair, TWO("1", "2") "msi address=0xfeeff004 data=0x145\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.step, 4);
}

static void signatures_do_not_depend_on_accidents(void **state)
{
	static const char *const same[] = {
		TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45\n",
		TWO("0x23", "0x123") "msi address=0xfee23000 data=0x45\n",
		TWO("0xa07", "0xb07") "msi address=0xfee07000 data=0xf1\n",
		TWO("0x123",
		    "0x23") "lapic_write vcpu=0 by=host reg=tpr value=0x10\n"
			    "msi address=0xfee11000 data=0x99\n"
			    "vcpu_create vcpu_id=9\n"
			    "msi address=0xfee23000 data=0x20\n",
	};
	char signature[SIGNATURE_MAX] = "";
	struct pair pair = pair_of("arch", "documented");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		examine(&pair, same[i]);
		assert_int_equal(verdict.kind, VERDICT_DIVERGE);
		if (i > 0)
			assert_string_equal(verdict.signature, signature);
		memcpy(signature, verdict.signature, sizeof(signature));
	}
	/* Other kinds of message are other signatures. */
	examine(&pair,
		TWO("0x123", "0x23") "msi address=0xfee23000 data=0x400");
	assert_string_not_equal(verdict.signature, signature);
}

/* Random IDs, vectors, and ops in between that have nothing to do with it. */
static void perturb(char *text, size_t cap, uint64_t *random)
{
	unsigned low = 1 + (unsigned)(test_random(random) % 0xfd);
	unsigned high =
		low + 0x100 * (1 + (unsigned)(test_random(random) % 14));
	unsigned vector = 16 + (unsigned)(test_random(random) % 240);
	bool swapped = test_random(random) & 1;
	size_t len;

	len = (size_t)snprintf(
		text, cap,
		"config x2apic_api=use_32bit_ids\n"
		"vcpu_create vcpu_id=%u\nvcpu_create vcpu_id=%u\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n",
		swapped ? high : low, swapped ? low : high);
	for (uint64_t i = test_random(random) % 4; i-- > 0;)
		len += (size_t)snprintf(
			text + len, cap - len,
			test_random(random) & 1 ?
				"observe\n" :
				"lapic_write vcpu=1 by=host reg=tpr value=%u\n",
			(unsigned)(test_random(random) % 16));
	snprintf(text + len, cap - len, "msi address=%u data=%u\n",
		 0xfee00000u | low << 12, vector);
}

static void perturbed_scenarios_keep_the_signature(void **state)
{
	struct pair pair = pair_of("arch", "documented");
	uint64_t random = 99;
	char text[1024];

	(void)state;
	for (int i = 0; i < 300; i++) {
		perturb(text, sizeof(text), &random);
		examine(&pair, text);
		assert_string_equal(
			verdict.signature,
			"msi.physical.fixed host apic_irr lost xapic ids32");
	}
}

/* One by its physical, one by its logical ID: two are 2, one is 1. */
#define TWO_NMIS                                           \
	"vcpu_create vcpu_id=1\n"                          \
	"apicbase_write vcpu=0 by=host value=0xfee00c00\n" \
	"icr_write vcpu=0 by=host dest=1 low=0x4400\n"     \
	"icr_write vcpu=0 by=host dest=2 low=0x4c00\n"

static void symptoms_are_told_apart(void **state)
{
	static const struct {
		const char *expected, *observed, *text;
		enum symptom symptom;
	} rows[] = {
		{ "documented", "arch",
		  TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45",
		  SYMPTOM_EXTRA },
		{ "arch", "documented",
		  TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45",
		  SYMPTOM_LOST },
		{ "arch", "arch,+canary",
		  TWO("1", "2") "msi address=0xfeeff004 data=0x400",
		  SYMPTOM_WRONGLY_REFUSED },
		{ "arch,+canary", "arch",
		  TWO("1", "2") "msi address=0xfeeff004 data=0x400",
		  SYMPTOM_WRONGLY_ACCEPTED },
		{ "arch", "documented", "vcpu_create vcpu_id=0",
		  SYMPTOM_WRONG_VALUE },
		{ "arch", "arch,+canary", TWO_NMIS, SYMPTOM_LOST },
		{ "arch,+canary", "arch", TWO_NMIS, SYMPTOM_EXTRA },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pair pair = pair_of(rows[i].expected, rows[i].observed);

		examine(&pair, rows[i].text);
		if (verdict.symptom != rows[i].symptom)
			fail_msg("row %zu: want %s, got %s", i,
				 symptom_name(rows[i].symptom),
				 symptom_name(verdict.symptom));
	}
}

static void shortening_leaves_what_matters(void **state)
{
	struct pair pair = pair_of("arch", "documented");
	struct oracle_sides sides = sides_of(&pair);
	struct scenario want;

	(void)state;
	examine(&pair, "config x2apic_api=use_32bit_ids\n"
		       "vcpu_create vcpu_id=9\n"
		       "vcpu_create vcpu_id=0x123\n"
		       "observe\n"
		       "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		       "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
		       "vcpu_create vcpu_id=0x23\n"
		       "lapic_write vcpu=1 by=host reg=tpr value=0x10\n"
		       "lapic_write vcpu=2 by=host reg=svr value=0x1ff\n"
		       "msi address=0xfee09000 data=0x44\n"
		       "msi address=0xfee23000 data=0x45\n"
		       "msi address=0xfee23000 data=0x46\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	oracle_minimize(&scenario, &verdict, &sides, &shorten, &work);
	test_parse(&want, "config x2apic_api=use_32bit_ids\n"
			  "vcpu_create vcpu_id=0x123\n"
			  "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
			  "vcpu_create vcpu_id=0x23\n"
			  "msi address=0xfee23000 data=0x45\n");
	if (!scenario_equal(&scenario, &want)) {
		scenario_print(stderr, &scenario);
		fail_msg("not what was wanted");
	}
}

static void a_report_is_a_scenario(void **state)
{
	static char text[65536];
	struct pair pair = pair_of("arch", "documented");
	struct report_about about = { .against = "arch",
				      .host = "a host",
				      .kernel_log = "WARNING: one\ntwo\n" };
	struct scenario again;
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	examine(&pair,
		TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45\n");
	assert_non_null(out);
	report_write(out, &scenario, &verdict, &about);
	assert_int_equal(fclose(out), 0);
	test_parse(&again, text);
	assert_true(scenario_equal(&again, &scenario));
	assert_non_null(
		strstr(text, "# first difference: op 5, msi address=0xfee23000 "
			     "data=0x45\n"
			     "#   vcpu 0 apic_irr2: want 0x20, got 0x0\n"));
}

static void what_explains_a_difference_is_named(void **state)
{
	static const struct {
		const char *expected, *observed, *text, *explained;
	} rows[] = {
		{ "arch", "documented",
		  TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45",
		  " +alias_lowest_vcpu_id" },
		{ "documented", "arch",
		  TWO("0x123", "0x23") "msi address=0xfee23000 data=0x45",
		  " -alias_lowest_vcpu_id" },
		/* Two, one after the other: the first one is named. */
		{ "arch", "documented",
		  TWO("0x123", "0x23") "vcpu_create vcpu_id=0\n"
				       "msi address=0xfee23000 data=0x45",
		  " +lint0_reenabled" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pair pair = pair_of(rows[i].expected, rows[i].observed);
		size_t len = strlen(rows[i].explained), end;

		pair.switchable = errata_switchable();
		examine(&pair, rows[i].text);
		assert_int_equal(verdict.kind, VERDICT_EXPLAINED);
		assert_int_equal(verdict.nr_explanations, 1);
		end = strlen(verdict.signature);
		assert_string_equal(verdict.signature + end - len,
				    rows[i].explained);
	}
}

static void what_nothing_explains_is_a_finding(void **state)
{
	struct pair pair = pair_of("documented", "documented,+canary");

	(void)state;
	pair.switchable = errata_switchable();
	examine(&pair, TWO("1", "2") "msi address=0xfeeff004 data=0x45");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.nr_explanations, 0);
	/* Also where what comes first can be explained. */
	pair.expected.set = 0;
	examine(&pair, "vcpu_create vcpu_id=0\n"
		       "msi address=0xfeeff004 data=0x400\n"
		       "observe\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.step, 1);
}

/* By the documents it is a broadcast, to one of many: that is not defined. */
static void what_a_row_leaves_open_is_told(void **state)
{
	static char text[4096];
	struct pair pair = pair_of(
		"arch",
		"arch,+broadcast_quirk_devices,+lowest_broadcast_is_fixed");
	struct oracle_sides sides = sides_of(&pair);
	struct report_about about = { .sides = &sides,
				      .against = "arch",
				      .host = "a host" };
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	pair.switchable.set = ROW(ERRATUM_broadcast_quirk);
	examine(&pair, "vcpu_create vcpu_id=1\n"
		       "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		       "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
		       "msi address=0xfeeff000 data=0x145\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_int_equal(verdict.perhaps.set, ROW(ERRATUM_broadcast_quirk));
	assert_non_null(out);
	report_write(out, &scenario, &verdict, &about);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(
		text, "# not promised any more with: +broadcast_quirk\n"));
}

#define THREE_ROWS                                         \
	"config x2apic_api=use_32bit_ids\n"                \
	"vcpu_create vcpu_id=0x101\n"                      \
	"vcpu_create vcpu_id=0x1\n"                        \
	"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n" \
	"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n" \
	"vcpu_create vcpu_id=0x201\n"

/* Rows that work together, three at once; also on a host with one more. */
static void the_usual_set_is_looked_through(void **state)
{
	struct pair pair = pair_of("arch", "observed");
	struct oracle_sides sides;

	(void)state;
	pair.switchable = errata_switchable();
	sides = sides_of(&pair);
	test_parse(&scenario, THREE_ROWS "msi address=0xfee01000 data=0x8\n");
	oracle_examine(&verdict, &sides, &scenario, &work);
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	sides.usual = errata_observed();
	oracle_examine(&verdict, &sides, &scenario, &work);
	assert_int_equal(verdict.kind, VERDICT_EXPLAINED);
	assert_string_equal(verdict.signature,
			    "msi.physical.fixed host apic_irr extra xapic "
			    "ids32 +routing_snapshot +alias_first_created "
			    "+illegal_vector_accepted");
	set(&pair.observed.errata, "observed,+smi_dropped");
	test_parse(&scenario, THREE_ROWS "msi address=0xfee01000 data=0x200\n"
					 "msi address=0xfee01000 data=0x8\n");
	oracle_examine(&verdict, &sides, &scenario, &work);
	assert_int_equal(verdict.kind, VERDICT_EXPLAINED);
}

static void a_label_stands_before_the_signature(void **state)
{
	struct pair pair = pair_of("arch", "documented");
	struct oracle_sides sides = sides_of(&pair);

	(void)state;
	sides.label = "a label: ";
	test_parse(&scenario, "vcpu_create vcpu_id=0");
	oracle_examine(&verdict, &sides, &scenario, &work);
	assert_string_equal(verdict.signature,
			    "a label: vcpu_create host apic_lvt_lint0 "
			    "wrong-value xapic ids8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_model_agrees_with_itself),
		cmocka_unit_test(the_first_op_that_differs_is_named),
		cmocka_unit_test(the_cause_of_what_shows_later_is_named),
		cmocka_unit_test(what_is_gone_when_repeated_is_flaky),
		cmocka_unit_test(any_choice_agrees),
		cmocka_unit_test(nobody_is_no_choice),
		cmocka_unit_test(signatures_do_not_depend_on_accidents),
		cmocka_unit_test(perturbed_scenarios_keep_the_signature),
		cmocka_unit_test(symptoms_are_told_apart),
		cmocka_unit_test(shortening_leaves_what_matters),
		cmocka_unit_test(a_report_is_a_scenario),
		cmocka_unit_test(what_explains_a_difference_is_named),
		cmocka_unit_test(what_nothing_explains_is_a_finding),
		cmocka_unit_test(what_a_row_leaves_open_is_told),
		cmocka_unit_test(the_usual_set_is_looked_through),
		cmocka_unit_test(a_label_stands_before_the_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
