/*
 * Control registers. Every set of the writable bits of CR0, with reserved ones
 * and without, in every state of LME, PAE and 64-bit mode, against a list of
 * patterns that no processor takes; every bit of CR4, CR8 and EFER. Then the
 * same through the model, by both agents: what one takes the other does, but for
 * the rows that are named.
 */
#include "tests/test.h"

#include "ref/cr.h"
#include "ref/model.h"

/* Bits of CR0 that may be written, and some of the others. */
static const uint8_t cr0_bits[] = { 0, 1, 2, 3, 5, 16, 18, 29, 30, 31 };
enum { CR0_SETS = 1 << ARRAY_SIZE(cr0_bits) };

static const uint64_t cr0_besides[] = {
	0, CR0_ET, 1ull << 6, 1ull << 28, 1ull << 32, 1ull << 63,
};

static uint64_t cr0_of(uint32_t set)
{
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cr0_bits); i++)
		value |= (uint64_t)(set >> i & 1) << cr0_bits[i];
	return value;
}

struct pattern {
	uint64_t mask, value;
};

static bool is_like(uint64_t value, const struct pattern *pattern)
{
	return (value & pattern->mask) == pattern->value;
}

/* The second formulation: what is forbidden, one thing a row. */
static bool is_forbidden(uint64_t value, bool lme, bool pae, bool is_64bit)
{
	static const struct pattern always[] = {
		{ 0x60000000, 0x20000000 },
		{ 0x80000001, 0x80000000 },
	};
	static const struct pattern on = { 0x80000000, 0x80000000 };
	static const struct pattern off = { 0x80000000, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (is_like(value, &always[i]))
			return true;
	return value > UINT32_MAX || (lme && !pae && is_like(value, &on)) ||
	       (is_64bit && is_like(value, &off));
}

static void check_cr0(uint64_t value)
{
	for (uint32_t mode = 0; mode < 8; mode++) {
		bool lme = mode & 1, pae = mode & 2, is_64bit = mode & 4;
		struct controls now = { .cr0 = CR0_PE | CR0_ET,
					.cr4 = pae ? CR4_PAE : 0,
					.efer = lme ? EFER_LME : 0 };
		bool want = !is_forbidden(value, lme, pae, is_64bit);

		if (cr0_write_is_legal(&now, value, is_64bit) != want)
			fail_msg("CR0 0x%llx, LME %d, PAE %d, 64-bit %d: "
				 "want %d",
				 (unsigned long long)value, lme, pae, is_64bit,
				 want);
	}
}

static void cr0_all(void **state)
{
	(void)state;
	for (uint32_t set = 0; set < CR0_SETS; set++)
		for (size_t i = 0; i < ARRAY_SIZE(cr0_besides); i++)
			check_cr0(cr0_of(set) | cr0_besides[i]);
}

static void cr0_keeps_what_is_reserved(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		bool kept = memchr(cr0_bits, (int)bit, sizeof(cr0_bits));
		uint64_t want = CR0_ET | (kept ? 1ull << bit : 0);

		assert_int_equal(cr0_loaded(1ull << bit), want);
	}
}

static void cr4_in_long_mode_keeps_pae_and_levels(void **state)
{
	const struct controls legacy = { .cr0 = CR0_PE | CR0_WP };
	const struct controls active = { .cr0 = CR0_PE | CR0_PG | CR0_WP,
					 .cr4 = CR4_PAE,
					 .efer = EFER_LME | EFER_LMA };
	struct controls read_only = active;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t value = 1ull << bit;

		assert_int_equal(cr4_write_is_legal(&legacy, value, ~0ull),
				 value != CR4_PCIDE);
		assert_int_equal(cr4_write_is_legal(&active, value, ~0ull),
				 value == CR4_PAE);
		assert_int_equal(cr4_write_is_legal(&active, value | CR4_PAE,
						    ~0ull),
				 value != CR4_LA57);
		assert_false(cr4_write_is_legal(&legacy, value, ~value));
	}
	read_only.cr0 &= ~CR0_WP;
	assert_false(cr4_write_is_legal(&read_only, CR4_PAE | CR4_CET, ~0ull));
	read_only = active;
	read_only.cr4 |= CR4_CET;
	assert_false(cr0_write_is_legal(&read_only, CR0_PE | CR0_PG, true));
}

static void efer_every_bit(void **state)
{
	const struct controls legacy = { .cr0 = CR0_PE };
	const struct controls paging = { .cr0 = CR0_PE | CR0_PG };

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t value = 1ull << bit;

		assert_true(efer_write_is_legal(&legacy, value, value));
		assert_int_equal(efer_write_is_legal(&paging, value, value),
				 value != EFER_LME);
		assert_int_equal(efer_write_is_legal(&legacy, value, 0),
				 value == EFER_LMA);
	}
}

/* LMA is what LME and PG make, and wants PAE. */
static void controls_fit(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 32; i++) {
		struct controls c = {
			.cr0 = i & 1 ? CR0_PE | CR0_PG : CR0_PE,
			.cr4 = (i & 2 ? CR4_PAE : 0) | (i & 4 ? CR4_PCIDE : 0),
			.efer = (i & 8 ? EFER_LME : 0) |
				(i & 16 ? EFER_LMA : 0),
		};
		/* Of i >> 3: none, LME, LMA, both. */
		bool active = i >> 3 == 3 && i & 1;
		bool want = active ? i & 2 : !(i & 16) && !(i & 4);

		if (i >> 3 == 1 && i & 1)
			want = false;
		assert_int_equal(controls_are_consistent(&c), want);
	}
}

static struct scenario scenario;
static struct expectation expected;

static void set_up(struct model_setup *setup, const char *set)
{
	const char *unknown;

	memset(setup, 0, sizeof(*setup));
	assert_true(errata_parse(&setup->errata, &unknown, set));
}

static void __attribute__((format(printf, 2, 3)))
run(const char *set, const char *format, ...)
{
	struct model_setup setup;
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	set_up(&setup, set);
	test_parse(&scenario, text);
	model_run(&expected, &scenario, &setup);
}

static const struct vcpu_state *end(void)
{
	return &expected.want.states[expected.want.nr_states - 1];
}

static const struct answer *last_answer(void)
{
	return &expected.want.steps[expected.want.nr_steps - 2].answer;
}

static void reset_and_init(void **state)
{
	static const uint64_t cd_nw[] = { 0, CR0_CD, CR0_CD | CR0_NW };

	(void)state;
	run("arch", "vcpu_create vcpu_id=0\n");
	assert_int_equal(end()->cr0, 0x60000010);
	assert_int_equal(end()->cr4 | end()->efer, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cd_nw); i++) {
		const char *text =
			"vcpu_create vcpu_id=1\n"
			"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
			"control_write vcpu=0 by=host reg=cr4 value=0x20\n"
			"control_write vcpu=0 by=host reg=efer value=0x100\n"
			"control_write vcpu=0 by=host reg=cr0 value=0x%llx\n"
			"msi address=0xfee01000 data=0x500\n";
		unsigned long long cr0 = cd_nw[i] | 0x5003f;

		run("arch", text, cr0);
		assert_int_equal(end()->cr0, cd_nw[i] | 0x10);
		assert_int_equal(end()->cr4 | end()->efer, 0);
		run("arch,+init_sets_cd_nw", text, cr0);
		assert_int_equal(end()->cr0, 0x60000010);
	}
}

/* In 64-bit mode CR8 is the upper half of TPR. */
static void cr8_every_value(void **state)
{
	(void)state;
	for (unsigned bit = 4; bit < 64; bit++) {
		run("arch",
		    "config guest=long\nvcpu_create vcpu_id=0\n"
		    "control_write vcpu=0 by=guest reg=cr8 value=0x%llx\n",
		    1ull << bit);
		assert_int_equal(last_answer()->exception, 13);
	}
	for (uint32_t value = 0; value < 16; value++) {
		run("arch",
		    "config guest=long\nvcpu_create vcpu_id=0\n"
		    "lapic_write vcpu=0 by=host reg=tpr value=0x5a\n"
		    "control_write vcpu=0 by=guest reg=cr8 value=0x%x\n"
		    "control_read vcpu=0 by=guest reg=cr8\n",
		    value);
		assert_int_equal(end()->apic[APIC_REG_tpr], value << 4);
		assert_int_equal(last_answer()->value, value);
	}
	run("arch", "vcpu_create vcpu_id=0\n"
		    "control_read vcpu=0 by=guest reg=cr8\n");
	assert_int_equal(last_answer()->outcome, OUTCOME_IMPOSSIBLE);
}

/* No padding, as they are compared in bytes. */
struct outcome_of {
	uint64_t accepted, cr0, cr4, efer, tpr;
};

/* A write to a vCPU that runs the guest program. */
static struct outcome_of write_by(const char *by, const char *set,
				  const char *guest, const char *reg,
				  uint64_t value)
{
	run(set,
	    "config guest=%s\nvcpu_create vcpu_id=0\n"
	    "control_read vcpu=0 by=guest reg=cr0\n"
	    "control_write vcpu=0 by=%s reg=%s value=0x%llx\n",
	    guest, by, reg, (unsigned long long)value);
	return (struct outcome_of){ last_answer()->accepted, end()->cr0,
				    end()->cr4, end()->efer,
				    end()->apic[APIC_REG_tpr] };
}

static bool agents_agree(const char *set, const char *guest, const char *reg,
			 uint64_t value)
{
	struct outcome_of host = write_by("host", set, guest, reg, value);
	struct outcome_of guests = write_by("guest", set, guest, reg, value);

	return !memcmp(&host, &guests, sizeof(host));
}

/*
 * Where they do not agree though no row is in force: a MOV in protected mode has
 * 32 bits; and LMA, which is read-only to software, has to be as it must be where
 * KVM_SET_SREGS brings it along.
 */
static bool may_differ(bool is_long, const char *reg, uint64_t value)
{
	if (!is_long && value > UINT32_MAX && strcmp(reg, "efer") != 0)
		return true;
	return !strcmp(reg, "efer") && (!!(value & EFER_LMA) != is_long);
}

static void both_agents_do_the_same(void **state)
{
	static const char *const guests[] = { "protected", "long" };
	static const char *const regs[] = { "cr0", "cr4", "efer", "cr8" };

	(void)state;
	for (size_t g = 0; g < 2; g++)
		for (size_t r = 0; r < ARRAY_SIZE(regs) - !g; r++)
			for (unsigned bit = 0; bit < 64; bit++) {
				uint64_t now[] = { g ? 0x80000011 : 0x11,
						   g ? 0x20 : 0, g ? 0x500 : 0,
						   0 };
				uint64_t value = now[r] ^ 1ull << bit;

				if (!may_differ(g, regs[r], value) &&
				    !agents_agree("arch", guests[g], regs[r],
						  value))
					fail_msg("%s, %s: 0x%llx", guests[g],
						 regs[r],
						 (unsigned long long)value);
			}
}

/* What a row makes different, and nothing else does. */
static void rows_tell_agents_apart(void **state)
{
	static const struct {
		const char *row, *guest, *reg;
		uint64_t value;
	} rows[] = {
		{ "sregs_cr0_unchecked", "protected", "cr0", 0x20000011 },
		{ "sregs_cr0_unmasked", "protected", "cr0", 0x51 },
		{ "sregs_efer_unchecked", "protected", "efer", 0x2 },
		{ "sregs_cr8_dropped", "long", "cr8", 0x10 },
		{ "no_legacy_paging", "protected", "cr0", 0x80000011 },
		{ "cr_high_bits_dropped", "long", "cr0", 0x180000011 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char set[64];

		snprintf(set, sizeof(set), "arch,+%s", rows[i].row);
		assert_true(agents_agree("arch", rows[i].guest, rows[i].reg,
					 rows[i].value));
		if (agents_agree(set, rows[i].guest, rows[i].reg,
				 rows[i].value))
			fail_msg("%s", rows[i].row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_all),
		cmocka_unit_test(cr0_keeps_what_is_reserved),
		cmocka_unit_test(cr4_in_long_mode_keeps_pae_and_levels),
		cmocka_unit_test(efer_every_bit),
		cmocka_unit_test(controls_fit),
		cmocka_unit_test(reset_and_init),
		cmocka_unit_test(cr8_every_value),
		cmocka_unit_test(both_agents_do_the_same),
		cmocka_unit_test(rows_tell_agents_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
