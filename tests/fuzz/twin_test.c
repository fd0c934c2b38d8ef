/*
 * Twins compared, without KVM: the host is the model under a set of errata. A
 * host under some set agrees with what is expected under that set; what
 * bystanders change on it is explained by the rows that do it; what no row
 * does is a finding, and stays one when it is shortened.
 */
#include "tests/test.h"

#include "fuzz/mutate.h"
#include "fuzz/twin.h"
#include "oracle/minimize.h"
#include "oracle/report.h"
#include "ref/model.h"
#include "scenario/x86.h"

static struct oracle_workspace work;
static struct expectation seen;
static struct scenario scenario;
static struct verdict verdict;
static const struct minimize_task shorten = { .depth = MINIMIZE_OPS };

/* The host: a model, and a fault of its own. */
struct host {
	struct model_setup setup;
	/* More vCPUs than that, and the first one's TPR shows it. 0: never. */
	uint32_t crowd;
	/* The second of what is to choose from, the third with more vCPUs. */
	uint32_t choosy;
	/* What is not promised is anything, and other each time. 0: never. */
	uint64_t random;
};

static void scribble(void *at, const void *care, size_t size, uint64_t *random)
{
	uint32_t *to = at;
	const uint32_t *promised = care;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] ^= (uint32_t)test_random(random) & ~promised[i];
}

static void scribble_all(struct observation *out, uint64_t *random)
{
	for (uint32_t i = 0; i < out->nr_steps; i++)
		scribble(&out->steps[i].answer, &seen.care.steps[i].answer,
			 sizeof(struct answer), random);
	for (uint32_t i = 0; i < out->nr_states; i++)
		scribble(&out->states[i], &seen.care.states[i],
			 sizeof(struct vcpu_state), random);
}

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	struct host *host = context;
	struct model_setup setup = host->setup;
	size_t nr_vcpus = scenario_nr_vcpus(s, s->nr_ops);

	setup.schedule = schedule;
	if (host->choosy)
		memset(setup.choices.pick, nr_vcpus > host->choosy ? 2 : 1, 4);
	model_run(&seen, s, &setup);
	observation_copy(out, &seen.want);
	if (host->random)
		scribble_all(out, &host->random);
	for (uint32_t i = 0; host->crowd && i < out->nr_steps; i++)
		if (out->steps[i].nr_states > host->crowd)
			for (uint32_t v = 0; v < out->steps[i].nr_states; v++)
				observation_state(out, &out->steps[i], v)
					->apic[APIC_REG_tpr] ^= 0x10;
}

static struct errata set(const char *name)
{
	const char *unknown;
	struct errata errata;

	assert_true(errata_parse(&errata, &unknown, name));
	return errata;
}

static struct oracle_sides sides_of(struct host *host, const char *against)
{
	struct oracle_sides sides = { .expect = model_run,
				      .errata = set(against),
				      .switchable = errata_switchable(),
				      .usual = errata_observed(),
				      .row_name = erratum_name,
				      .observe = observe,
				      .context = host };

	twin_sides(&sides);
	return sides;
}

static void examine(struct oracle_sides *sides, const char *kind_name,
		    const char *text)
{
	struct twin_kind kind;

	assert_true(twin_parse(&kind, kind_name));
	twin_sides_use(sides, kind);
	test_parse(&scenario, text);
	oracle_examine(&verdict, sides, &scenario, &work);
}

#define NO_QUIRK "config x2apic_api=disable_broadcast_quirk\n"
#define TWO                                                \
	"vcpu_create vcpu_id=1\n"                          \
	"vcpu_create vcpu_id=2\n"                          \
	"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n" \
	"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"

static void what_the_rows_do_is_explained_by_them(void **state)
{
	static const struct {
		const char *against, *kind, *text, *signature;
	} rows[] = {
		/* The logical mode of all is that of the bystander. */
		{ "documented", "x2apic-late",
		  NO_QUIRK TWO "msi address=0xfeeff000 data=0x82\n",
		  "twin x2apic: msi.physical.fixed host apic_irr lost xapic "
		  "ids8 +routing_snapshot" },
		/* Aliases: each APIC is asked, new ones as well. */
		{ "documented", "aliased-before",
		  TWO "vcpu_create vcpu_id=3\n"
		      "msi address=0xfee03000 data=0x400\n",
		  "twin aliased: msi.physical.nmi host accepted "
		  "wrongly-accepted xapic ids8 +routing_snapshot" },
		{ "documented", "flat-before",
		  TWO "lapic_write vcpu=0 by=host reg=ldr value=0x2000000\n"
		      "msi address=0xfee03004 data=0x192\n",
		  "twin flat: msi.logical.lowest host apic_irr extra xapic "
		  "ids8 +routing_snapshot +lowest_counts_absent" },
		/* Three rows at once. */
		{ "arch", "flat-before",
		  TWO "lapic_write vcpu=0 by=host reg=ldr value=0x2000000\n"
		      "msi address=0xfee03004 data=0x108\n",
		  "twin flat: msi.logical.lowest host apic_irr extra xapic "
		  "ids8 +routing_snapshot +lowest_counts_absent "
		  "+illegal_vector_accepted" },
	};
	struct host host = { .setup.errata = errata_observed() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oracle_sides sides = sides_of(&host, rows[i].against);

		examine(&sides, rows[i].kind, rows[i].text);
		assert_int_equal(verdict.kind, VERDICT_EXPLAINED);
		assert_string_equal(verdict.signature, rows[i].signature);
		/* Where the rows are known, it is what is expected. */
		sides = sides_of(&host, "observed");
		examine(&sides, rows[i].kind, rows[i].text);
		assert_int_equal(verdict.kind, VERDICT_AGREE);
	}
}

static void mutate(uint64_t seed)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX], mutated[SCENARIO_BYTES_MAX];
	size_t len;

	test_parse(&scenario, TWO "msi address=0xfee01000 data=0x41\n");
	len = scenario_encode(bytes, sizeof(bytes), &scenario);
	for (uint64_t i = 0; i < 20; i++) {
		len = mutate_bytes(mutated, sizeof(mutated), bytes, len,
				   seed * 64 + i);
		memcpy(bytes, mutated, len);
	}
	scenario_decode(&scenario, bytes, len);
}

static void a_host_under_a_set_agrees_with_that_set(void **state)
{
	static const char *const sets[] = { "arch", "documented", "observed",
					    "observed,+hotplug_hack_always" };

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		const char *name = sets[seed % ARRAY_SIZE(sets)];
		struct host host = { .setup.errata = set(name),
				     .random = seed + 1 };
		struct oracle_sides sides = sides_of(&host, name);

		twin_sides_use(&sides,
			       twin_kind_of((uint32_t)seed / 4 % TWIN_KINDS));
		mutate(seed);
		oracle_examine(&verdict, &sides, &scenario, &work);
		assert_int_equal(verdict.kind, VERDICT_AGREE);
	}
}

/* Other departures, that bystanders do not touch, are none of its business. */
static void a_host_without_a_table_agrees_with_any_set(void **state)
{
	const char *name = "observed,-routing_snapshot";
	struct host host = { .setup.errata = set(name) };
	struct oracle_sides sides = sides_of(&host, "arch");

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		twin_sides_use(&sides, twin_kind_of(seed % TWIN_KINDS));
		mutate(seed);
		oracle_examine(&verdict, &sides, &scenario, &work);
		if (verdict.kind == VERDICT_AGREE)
			continue;
		scenario_print(stderr, &scenario);
		fail_msg("%s", verdict.signature);
	}
}

static void what_no_row_does_is_a_finding(void **state)
{
	struct host host = { .crowd = 3 };
	struct oracle_sides sides = sides_of(&host, "arch");
	struct scenario want;

	(void)state;
	examine(&sides, "disabled-late",
		TWO "vcpu_create vcpu_id=7\n"
		    "lapic_write vcpu=1 by=host reg=tpr value=0\n"
		    "observe\n"
		    "msi address=0xfee01000 data=0x41\n");
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
	assert_string_equal(
		verdict.signature,
		"twin disabled: msi.physical.fixed host apic_tpr wrong-value "
		"xapic ids8");
	oracle_minimize(&scenario, &verdict, &sides, &shorten, &work);
	test_parse(&want, "vcpu_create vcpu_id=1\n"
			  "vcpu_create vcpu_id=2\n"
			  "vcpu_create vcpu_id=7\n"
			  "msi address=0xfee01000 data=0x41\n");
	if (!scenario_equal(&scenario, &want)) {
		scenario_print(stderr, &scenario);
		fail_msg("not what was wanted");
	}
	/* Two bystanders are a crowd already with one vCPU less. */
	examine(&sides, "aliased-late", "vcpu_create vcpu_id=1\nobserve\n");
	assert_int_equal(verdict.kind, VERDICT_AGREE);
	examine(&sides, "aliased-late", TWO);
	assert_int_equal(verdict.kind, VERDICT_DIVERGE);
}

/* One of three vCPUs, and another one beside bystanders: both are right. */
static void choices_may_change(void **state)
{
	struct host host = { .choosy = 3 };
	struct oracle_sides sides = sides_of(&host, "arch");
	const char *text = "vcpu_create vcpu_id=0x1\n"
			   "vcpu_create vcpu_id=0x101\n"
			   "vcpu_create vcpu_id=0x201\n"
			   "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
			   "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
			   "lapic_write vcpu=2 by=host reg=svr value=0x1ff\n"
			   "msi address=0xfee01000 data=0x141\n"
			   "msi address=0xfee01000 data=0x142\n";

	(void)state;
	examine(&sides, "off-before", text);
	assert_int_equal(verdict.kind, VERDICT_AGREE);
	/* But where the vector is known to pick, it must go on picking. */
	sides = sides_of(&host, "arch,+lowest_by_vector");
	examine(&sides, "off-before", text);
	assert_int_not_equal(verdict.kind, VERDICT_AGREE);
}

static void a_report_tells_how_to_see_it_again(void **state)
{
	static char text[65536];
	struct host host = { .setup.errata = errata_observed() };
	struct oracle_sides sides = sides_of(&host, "documented");
	struct report_about about = { .sides = &sides,
				      .against = "documented",
				      .host = "a host",
				      .again = " --twin=x2apic-late",
				      .print_more = twin_sides_print };
	struct scenario again;
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	examine(&sides, "x2apic-late",
		NO_QUIRK TWO "msi address=0xfeeff000 data=0x82\n");
	assert_non_null(out);
	report_write(out, &scenario, &verdict, &about);
	assert_int_equal(fclose(out), 0);
	test_parse(&again, text);
	assert_true(scenario_equal(&again, &scenario));
	assert_non_null(strstr(text,
			       "# again: ./kvmerrata run --twin=x2apic-late "
			       "--against=documented FILE\n"));
	assert_non_null(
		strstr(text, "#   vcpu_create vcpu_id=0x1fe (bystander)\n"));
	assert_non_null(strstr(text, "#   msi address=0xfeeff000 data=0x82\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_rows_do_is_explained_by_them),
		cmocka_unit_test(a_host_under_a_set_agrees_with_that_set),
		cmocka_unit_test(a_host_without_a_table_agrees_with_any_set),
		cmocka_unit_test(what_no_row_does_is_a_finding),
		cmocka_unit_test(choices_may_change),
		cmocka_unit_test(a_report_tells_how_to_see_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
