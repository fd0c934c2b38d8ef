/*
 * Control registers on the real /dev/kvm, against the model under the rows that
 * this host shows to have: every set of the writable bits of CR0, with reserved
 * ones and without, with and without LME and PAE, by both agents and in both
 * modes; every bit of CR4, CR8 and EFER. The arguments are the witnesses.
 */
#include "tests/test.h"

#include "kvmdrv/danger.h"
#include "kvmdrv/kvmdrv.h"
#include "oracle/explain.h"
#include "oracle/minimize.h"
#include "oracle/report.h"
#include "ref/model.h"
#include "scenario/x86.h"

static char **files;
static int nr_files;
static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct errata host;
static struct scenario scenario;
static struct expectation with, without;
static struct observation got;
static struct oracle_workspace work;
static uint32_t nr_compared;

static void read_witness(const char *path)
{
	static char text[65536];
	FILE *in = fopen(path, "r");

	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	test_parse(&scenario, text);
}

static const char *witness_of(uint32_t row)
{
	char name[80];

	snprintf(name, sizeof(name), "/%s.scn", erratum_infos[row].name);
	for (int i = 0; i < nr_files; i++)
		if (strstr(files[i], name))
			return files[i];
	return NULL;
}

static bool host_has(uint32_t row)
{
	struct model_setup setup = { .errata = errata_with(row) };
	struct telling telling;

	model_run(&with, &scenario, &setup);
	setup.errata = errata_without(row);
	model_run(&without, &scenario, &setup);
	kvmdrv_run(drv, &got, &scenario, SCHEDULE_FAST);
	oracle_tell(&telling, &with, &without, &got);
	return telling.differ && telling.like_first == telling.differ;
}

static int open_host(void **state)
{
	struct danger_host limits;

	(void)state;
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		return 0;
	danger_host_here(&limits, drv);
	for (uint32_t row = 0; row < ERRATA; row++) {
		const char *witness = witness_of(row);

		if (!witness)
			continue;
		read_witness(witness);
		if (danger_check(&reason, &limits, &scenario) == DANGER_NONE &&
		    host_has(row))
			host.set |= ROW(row);
	}
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	printf("# %u writes compared\n", nr_compared);
	if (drv)
		kvmdrv_close(drv);
	return 0;
}

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	kvmdrv_run(context, out, s, schedule);
}

/* What is in @scenario shows on the host what it should. */
static void compare(void)
{
	struct oracle_sides sides = { .expect = model_run,
				      .errata = host,
				      .switchable = errata_switchable(),
				      .row_name = erratum_name,
				      .observe = observe,
				      .context = drv };
	const struct minimize_task shorten = { .depth = MINIMIZE_OPS };
	struct verdict verdict;

	oracle_examine(&verdict, &sides, &scenario, &work);
	if (verdict.kind == VERDICT_AGREE)
		return;
	oracle_minimize(&scenario, &verdict, &sides, &shorten, &work);
	scenario_print(stdout, &scenario);
	fail_msg("%s: %s want 0x%llx, got 0x%llx", verdict.signature,
		 verdict.differences[0].name,
		 (unsigned long long)verdict.differences[0].want,
		 (unsigned long long)verdict.differences[0].got);
}

static void begin(enum guest guest)
{
	test_parse(&scenario, "vcpu_create vcpu_id=0\n");
	scenario.config.guest = guest;
}

static struct op *add(enum op_kind kind)
{
	struct op *op = &scenario.ops[scenario.nr_ops++];

	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

static void add_write(enum agent by, enum control reg, uint64_t value)
{
	add(OP_control_write)->as.control_write =
		(struct op_control_write){ 0, by, reg, value };
}

/* And what the vCPU shows of it then. */
static void add_compared(enum agent by, enum control reg, uint64_t value)
{
	add_write(by, reg, value);
	add(OP_control_read)->as.control_read =
		(struct op_control_read){ 0, AGENT_HOST, reg };
	nr_compared++;
}

static const uint8_t cr0_bits[] = { 0, 1, 2, 3, 5, 16, 18, 29, 30, 31 };
enum { CR0_SETS = 1 << ARRAY_SIZE(cr0_bits), WRITES_AT_ONCE = 200 };

static const uint64_t cr0_besides[] = {
	CR0_ET,
	0,
	CR0_ET | 1ull << 6 | 1ull << 28,
	CR0_ET | 1ull << 32,
};

static uint64_t cr0_of(uint32_t i)
{
	uint64_t value = cr0_besides[i / CR0_SETS];

	for (size_t bit = 0; bit < ARRAY_SIZE(cr0_bits); bit++)
		value |= (uint64_t)(i >> bit & 1) << cr0_bits[bit];
	return value;
}

static void every_cr0(enum guest guest, enum agent by, uint64_t cr4,
		      uint64_t efer)
{
	uint32_t nr = CR0_SETS * ARRAY_SIZE(cr0_besides);

	for (uint32_t from = 0; from < nr; from += WRITES_AT_ONCE) {
		begin(guest);
		if (cr4)
			add_write(by, CONTROL_CR4, cr4);
		if (efer)
			add_write(by, CONTROL_EFER, efer);
		for (uint32_t i = from; i < from + WRITES_AT_ONCE && i < nr;
		     i++)
			add_compared(by, CONTROL_CR0, cr0_of(i));
		compare();
	}
}

static void need_host(void)
{
	if (!drv)
		test_skip(reason.text);
}

static void every_cr0_by_host(void **state)
{
	(void)state;
	need_host();
	for (int i = 0; i < 4; i++)
		every_cr0(GUEST_PROTECTED, AGENT_HOST, i & 1 ? CR4_PAE : 0,
			  i & 2 ? EFER_LME : 0);
}

static void every_cr0_in_protected_mode(void **state)
{
	(void)state;
	need_host();
	for (int i = 0; i < 4; i++)
		every_cr0(GUEST_PROTECTED, AGENT_GUEST, i & 1 ? CR4_PAE : 0,
			  i & 2 ? EFER_LME : 0);
}

static void every_cr0_in_64_bit_mode(void **state)
{
	(void)state;
	need_host();
	every_cr0(GUEST_LONG, AGENT_GUEST, 0, 0);
}

/* A vCPU that runs in long mode, and the host writes. */
static void every_cr0_of_a_long_one(void **state)
{
	(void)state;
	need_host();
	for (uint32_t i = 0; i < CR0_SETS; i++) {
		if (i % WRITES_AT_ONCE == 0) {
			begin(GUEST_LONG);
			add(OP_control_read)->as.control_read =
				(struct op_control_read){ 0, AGENT_GUEST,
							  CONTROL_CR0 };
		}
		add_compared(AGENT_HOST, CONTROL_CR0, cr0_of(i));
		if (i % WRITES_AT_ONCE == WRITES_AT_ONCE - 1 ||
		    i == CR0_SETS - 1)
			compare();
	}
}

/*
 * One at a time, as what it leads to is not to bear on the next; and the guest
 * goes on afterwards.
 */
static void every_bit_of(enum guest guest, enum agent by, enum control reg,
			 uint64_t now)
{
	const struct op_control_read guest_read = { 0, AGENT_GUEST,
						    CONTROL_CR0 };

	for (unsigned bit = 0; bit < 64; bit++) {
		begin(guest);
		add(OP_control_read)->as.control_read = guest_read;
		add_compared(by, reg, now ^ 1ull << bit);
		add(OP_control_read)->as.control_read = guest_read;
		compare();
	}
}

static void every_bit_of_the_others(void **state)
{
	(void)state;
	need_host();
	for (int by = AGENT_HOST; by <= AGENT_GUEST; by++) {
		every_bit_of(GUEST_PROTECTED, by, CONTROL_CR4, 0);
		every_bit_of(GUEST_PROTECTED, by, CONTROL_EFER, 0);
		every_bit_of(GUEST_PROTECTED, by, CONTROL_CR8, 0);
		every_bit_of(GUEST_LONG, by, CONTROL_CR4, CR4_PAE);
		every_bit_of(GUEST_LONG, by, CONTROL_EFER, EFER_LME | EFER_LMA);
		every_bit_of(GUEST_LONG, by, CONTROL_CR8, 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cr0_by_host),
		cmocka_unit_test(every_cr0_in_protected_mode),
		cmocka_unit_test(every_cr0_in_64_bit_mode),
		cmocka_unit_test(every_cr0_of_a_long_one),
		cmocka_unit_test(every_bit_of_the_others),
	};

	files = argv + 1;
	nr_files = argc - 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, open_host, close_host);
}
