/*
 * What scenarios tell: where hosts have a row that is not expected, its
 * witness tells; where nothing differs, nothing is told; and what is told is
 * the kind of difference, not its IDs and vectors. The arguments are the
 * witnesses.
 */
#include "tests/test.h"

#include "fuzz/tell.h"
#include "ref/model.h"

static char **files;
static int nr_files;
static struct scenario scenario;
static struct tell_workspace work;
static uint8_t counters[TELL_COUNTERS];

static void read_witness(const char *row)
{
	static char text[65536];
	char name[80];
	size_t len;
	FILE *in = NULL;

	snprintf(name, sizeof(name), "/%s.scn", row);
	for (int i = 0; i < nr_files && !in; i++)
		if (strstr(files[i], name))
			in = fopen(files[i], "r");
	assert_non_null(in);
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	test_parse(&scenario, text);
}

/* How many counters the scenario sets. */
static uint32_t told(const char *against)
{
	const char *unknown;
	struct errata expected;
	uint32_t nr = 0;

	assert_true(errata_parse(&expected, &unknown, against));
	memset(counters, 0, sizeof(counters));
	tell(counters, &scenario, &expected, &work);
	for (size_t i = 0; i < sizeof(counters); i++)
		nr += counters[i] != 0;
	return nr;
}

static void every_row_of_a_host_is_told(void **state)
{
	struct errata observed = errata_observed();
	char against[80];

	(void)state;
	for (uint32_t row = 0; row < ERRATA; row++) {
		enum erratum_kind kind = erratum_infos[row].kind;

		if (!errata_has(&observed, row) &&
		    kind != ERRATUM_KIND_HISTORICAL &&
		    kind != ERRATUM_KIND_BACKEND)
			continue;
		/* Where they are off, nothing is expected. */
		if (row == ERRATUM_any_mode_to_self ||
		    row == ERRATUM_any_msi_sent)
			continue;
		read_witness(erratum_infos[row].name);
		snprintf(against, sizeof(against), "observed,-%s",
			 erratum_infos[row].name);
		if (!told(against))
			fail_msg("%s: nothing is told", against);
	}
}

static void what_is_expected_tells_nothing(void **state)
{
	(void)state;
	read_witness("routing_snapshot");
	assert_int_equal(told("observed"), 0);
	assert_int_equal(told("arch"), 1);
}

#define ALIASES(first, second)                             \
	"config x2apic_api=use_32bit_ids\n"                \
	"vcpu_create vcpu_id=" first "\n"                  \
	"vcpu_create vcpu_id=" second "\n"                 \
	"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n" \
	"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"

static void accidents_tell_nothing_new(void **state)
{
	static const char *const same[] = {
		ALIASES("0x123", "0x23") "msi address=0xfee23000 data=0x45\n",
		ALIASES("0x145", "0x45") "msi address=0xfee45000 data=0x99\n",
		ALIASES("0x145",
			"0x45") "lapic_write vcpu=0 by=host reg=tpr value=1\n"
				"msi address=0xfee45000 data=0x99\n",
	};
	static uint8_t first[TELL_COUNTERS];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		test_parse(&scenario, same[i]);
		assert_int_equal(told("arch"), 1);
		if (i == 0)
			memcpy(first, counters, sizeof(first));
		assert_memory_equal(first, counters, sizeof(first));
	}
	/* Another kind of message, and another row, are another thing. */
	test_parse(&scenario, ALIASES("0x145", "0x45") "msi address=0xfee45000 "
						       "data=0x400\n");
	assert_int_equal(told("arch"), 1);
	assert_memory_not_equal(first, counters, sizeof(first));
	test_parse(&scenario, same[0]);
	assert_int_equal(told("arch,+routing_snapshot"), 1);
	assert_memory_not_equal(first, counters, sizeof(first));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_a_host_is_told),
		cmocka_unit_test(what_is_expected_tells_nothing),
		cmocka_unit_test(accidents_tell_nothing_new),
	};

	files = argv + 1;
	nr_files = argc - 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
