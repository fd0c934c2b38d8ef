/*
 * Every erratum has a witness that still tells whether it is there; and a set
 * that is wrong in one row is found out and the row is named. What the
 * witnesses are compared with is the model under the set of a present-day
 * KVM, in the place of a recorded host, so none is needed. The arguments are
 * the files.
 */
#include "tests/test.h"

#include "oracle/explain.h"
#include "oracle/oracle.h"
#include "oracle/report.h"
#include "ref/model.h"

static char **files;
static int nr_files;
static struct scenario scenario;
static struct expectation with, without, usual;
static struct oracle_workspace work;

static bool read_witness(uint32_t row)
{
	static char text[65536];
	char name[80];

	snprintf(name, sizeof(name), "/%s.scn", erratum_infos[row].name);
	for (int i = 0; i < nr_files; i++) {
		const char *at = strstr(files[i], name);
		size_t len;
		FILE *in;

		if (!at || strcmp(at, name) != 0)
			continue;
		in = fopen(files[i], "r");
		assert_non_null(in);
		len = fread(text, 1, sizeof(text) - 1, in);
		text[len] = '\0';
		fclose(in);
		test_parse(&scenario, text);
		return true;
	}
	return false;
}

static bool is_canary(uint32_t row)
{
	return erratum_infos[row].kind == ERRATUM_KIND_CANARY;
}

static void expect(struct expectation *out, struct errata errata)
{
	const struct model_setup setup = { .errata = errata };

	model_run(out, &scenario, &setup);
}

/* What hosts of 5.10 allow: KVM_MAX_VCPU_ID was 1023. */
static void its_vcpus_exist_everywhere(const char *name)
{
	for (uint32_t i = 0; i < scenario.nr_ops; i++)
		if (scenario.ops[i].kind == OP_vcpu_create &&
		    scenario.ops[i].as.vcpu_create.vcpu_id >= 0x3ff)
			fail_msg("%s: a vcpu_id that old kernels refuse", name);
}

static void every_row_has_a_witness_that_tells(void **state)
{
	struct errata observed = errata_observed();

	(void)state;
	for (uint32_t row = 0; row < ERRATA; row++) {
		const char *name = erratum_infos[row].name;
		struct telling telling;
		uint32_t right;

		if (is_canary(row))
			continue;
		if (!read_witness(row))
			fail_msg("no corpora/witness/%s.scn", name);
		its_vcpus_exist_everywhere(name);
		expect(&with, errata_with(row));
		expect(&without, errata_without(row));
		expect(&usual, observed);
		oracle_tell(&telling, &with, &without, &usual.want);
		right = errata_has(&observed, row) ? telling.like_first :
						     telling.like_second;
		if (!telling.differ || right != telling.differ)
			fail_msg("%s: %u of %u bits tell", name, right,
				 telling.differ);
	}
}

static void no_witness_is_without_a_row(void **state)
{
	int nr = 0;

	(void)state;
	for (uint32_t row = 0; row < ERRATA; row++)
		nr += !is_canary(row);
	assert_int_equal(nr_files, nr);
}

/* The host: a present-day KVM, and @context, one row more. */
static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	const struct errata *more = context;
	struct model_setup setup = { .schedule = schedule };

	setup.errata.set = errata_observed().set | more->set;
	model_run(&usual, s, &setup);
	observation_copy(out, &usual.want);
}

/* Is "+row" or "-row" among the explanations? */
static bool is_named(const struct verdict *v, uint32_t row)
{
	for (uint32_t i = 0; i < v->nr_explanations && i < EXPLANATIONS_MAX;
	     i++)
		if (v->explanations[i].set == ROW(row))
			return true;
	return false;
}

/*
 * Flipped one by one in the set. (What the documents say of aliases and of 0xff
 * changes nothing where the observed rows are in force.)
 */
static void a_flipped_row_is_named(void **state)
{
	(void)state;
	for (uint32_t row = 0; row < ERRATA; row++) {
		enum erratum_kind kind = erratum_infos[row].kind;
		struct errata backend = { kind == ERRATUM_KIND_BACKEND ?
						  ROW(row) :
						  0 };
		struct oracle_sides sides = {
			.expect = model_run,
			.switchable = errata_switchable(),
			.row_name = erratum_name,
			.observe = observe,
			.context = &backend,
		};
		struct verdict verdict;

		if (kind != ERRATUM_KIND_UNDOCUMENTED &&
		    kind != ERRATUM_KIND_HISTORICAL &&
		    kind != ERRATUM_KIND_BACKEND &&
		    row != ERRATUM_lint0_reenabled)
			continue;
		assert_true(read_witness(row));
		sides.errata.set = (errata_observed().set | backend.set) ^
				   ROW(row);
		oracle_examine(&verdict, &sides, &scenario, &work);
		/* Anything will do where these rows do not say what. */
		if (row == ERRATUM_lowest_by_vector ||
		    row == ERRATUM_any_mode_to_self ||
		    row == ERRATUM_any_msi_sent) {
			assert_int_equal(verdict.kind, VERDICT_AGREE);
			continue;
		}
		if (verdict.kind != VERDICT_EXPLAINED)
			fail_msg("%s: %s", erratum_infos[row].name,
				 verdict_name(verdict.kind));
		if (!is_named(&verdict, row))
			fail_msg("%s: %s", erratum_infos[row].name,
				 verdict.signature);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_witness_that_tells),
		cmocka_unit_test(no_witness_is_without_a_row),
		cmocka_unit_test(a_flipped_row_is_named),
	};

	files = argv + 1;
	nr_files = argc - 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
