/*
 * What the model says of the IOAPIC: every short course of a line, its mask and
 * EOIs, in both trigger modes, against a second formulation that counts what is
 * sent; every kind of message against what a device sends; every bit of an
 * entry; and which EOIs count.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected, other;
static char text[4096];
static size_t text_len;

static void start(void)
{
	static const char first[] =
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
		"lapic_write vcpu=0 by=host reg=ldr value=0x1000000\n"
		"lapic_write vcpu=1 by=host reg=ldr value=0x2000000\n";

	strcpy(text, first);
	text_len = strlen(first);
}

static void __attribute__((format(printf, 1, 2))) add(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_len += (size_t)vsnprintf(text + text_len, sizeof(text) - text_len,
				      format, args);
	va_end(args);
	assert_true(text_len < sizeof(text));
}

static void run(struct expectation *out)
{
	struct model_setup setup = { 0 };

	test_parse(&scenario, text);
	model_run(out, &scenario, &setup);
}

static const struct vcpu_state *end_state(uint32_t vcpu)
{
	const struct observation *want = &expected.want;

	return observation_state_const(want, &want->steps[want->nr_steps - 1],
				       vcpu);
}

/* The answer of the last op, and what is known of it. */
static const struct answer *want_last(void)
{
	return &expected.want.steps[expected.want.nr_steps - 2].answer;
}

static const struct answer *care_last(void)
{
	return &expected.care.steps[expected.care.nr_steps - 2].answer;
}

enum event { ASSERT, DEASSERT, MASK, UNMASK, END, EVENTS };
enum { COURSE = 6, COURSES = 5 * 5 * 5 * 5 * 5 * 5, PIN = 17 };

/* What is sent in a course of events, told as a device's driver would. */
static uint32_t sent_in(uint32_t course, bool level)
{
	bool high = false, masked = false, handled = true;
	uint32_t sent = 0;

	for (int i = 0; i < COURSE; i++, course /= EVENTS) {
		enum event event = course % EVENTS;
		bool edge = event == ASSERT && !high;

		if (event == ASSERT || event == DEASSERT)
			high = event == ASSERT;
		if (event == MASK || event == UNMASK)
			masked = event == MASK;
		if (event == END)
			handled = true;
		if (!level)
			sent += edge && !masked;
		if (level && high && !masked && handled) {
			sent++;
			handled = false;
		}
	}
	return sent;
}

/* After each event IRR tells, and is cleared. */
static uint32_t sent_by_model(uint32_t course, bool level)
{
	uint32_t nr = 0, mode = level ? REDIRECTION_LEVEL : 0;

	start();
	add("ioapic_write vcpu=0 by=guest reg=%#x value=%#x\n",
	    IOAPIC_REG_ENTRY + 2 * PIN, 0x41 | mode);
	for (int i = 0; i < COURSE; i++, course /= EVENTS) {
		enum event event = course % EVENTS;

		if (event == ASSERT || event == DEASSERT)
			add("irq_line gsi=%u level=%u\n", PIN, event == ASSERT);
		if (event == MASK || event == UNMASK)
			add("ioapic_write vcpu=0 by=guest reg=%#x value=%#x\n",
			    IOAPIC_REG_ENTRY + 2 * PIN,
			    0x41 | mode |
				    (event == MASK ? REDIRECTION_MASKED : 0));
		if (event == END)
			add("lapic_write vcpu=0 by=host reg=isr2 value=2\n"
			    "lapic_write vcpu=0 by=host reg=tmr2 value=2\n"
			    "lapic_write vcpu=0 by=guest reg=eoi value=0\n");
		add("observe\nlapic_write vcpu=0 by=host reg=irr2 value=0\n");
	}
	run(&expected);
	for (uint32_t i = 0; i < expected.want.nr_states; i += 2)
		nr += expected.want.states[i].apic[APIC_REG_irr2] == 2;
	return nr;
}

static void every_course_sends_as_often_as_it_should(void **state)
{
	(void)state;
	for (uint32_t course = 0; course < COURSES; course++)
		for (int level = 0; level < 2; level++) {
			uint32_t want = sent_in(course, level);
			uint32_t got = sent_by_model(course, level);

			if (want != got)
				fail_msg("course %u %s: want %u, got %u",
					 course, level ? "level" : "edge", want,
					 got);
		}
}

/* On each pin, and as a device would that has the same entry as a message. */
static void messages_are_those_of_devices(void **state)
{
	static const uint32_t dests[] = { 0, 1, 2, 3, 0xff };

	(void)state;
	for (uint32_t i = 0; i < 8 * 2 * 2 * ARRAY_SIZE(dests); i++) {
		uint32_t delivery = i % 8, logical = i / 8 % 2;
		uint32_t level = i / 16 % 2, dest = dests[i / 32];
		uint32_t pin = i % IOAPIC_PINS;

		start();
		add("msi address=%#x data=%#x\n",
		    0xfee00000 | dest << 12 | logical << 2,
		    0x41 | delivery << 8 | level << 15 | level << 14);
		run(&other);
		start();
		add("ioapic_write vcpu=0 by=host reg=%#x value=%#x\n"
		    "ioapic_write vcpu=0 by=host reg=%#x value=%#x\n"
		    "irq_line gsi=%u level=1\n",
		    IOAPIC_REG_ENTRY + 2 * pin + 1, dest << 24,
		    IOAPIC_REG_ENTRY + 2 * pin,
		    0x41 | delivery << 8 | logical << 11 | level << 15, pin);
		run(&expected);
		assert_int_equal(expected.want.nr_states, other.want.nr_states);
		if (memcmp(expected.want.states, other.want.states,
			   2 * sizeof(struct vcpu_state)) != 0 ||
		    memcmp(expected.care.states, other.care.states,
			   2 * sizeof(struct vcpu_state)) != 0)
			fail_msg("pin %u delivery %u logical %u dest %#x", pin,
				 delivery, logical, dest);
	}
}

/* As what is read, and as what another write of it leaves. */
static void every_bit_of_an_entry(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < 64; bit++)
		for (int guest = 0; guest < 2; guest++) {
			bool read_only = bit == 12 || bit == 14;
			bool reserved = bit >= 17 && bit < 56;
			uint32_t value = 1u << bit % 32;
			uint32_t want = guest && read_only ? 0 : value;

			start();
			add("ioapic_write vcpu=0 by=%s reg=%#x value=%#x\n"
			    "ioapic_read vcpu=0 by=guest reg=%#x\n",
			    guest ? "guest" : "host",
			    IOAPIC_REG_ENTRY + bit / 32, value,
			    IOAPIC_REG_ENTRY + bit / 32);
			run(&expected);
			assert_int_equal(care_last()->value >> 32, UINT32_MAX);
			if (reserved || (read_only && !guest))
				assert_false(care_last()->value & value);
			else if (!read_only)
				assert_true(care_last()->value & value);
			assert_int_equal(want_last()->value & value, want);
		}
}

/* Of a level-triggered one, in service and then done. */
static void end_of(uint32_t vector, uint32_t tmr, uint32_t svr)
{
	add("lapic_write vcpu=0 by=host reg=svr value=%#x\n"
	    "lapic_write vcpu=0 by=host reg=isr%u value=%#x\n"
	    "lapic_write vcpu=0 by=host reg=tmr%u value=%#x\n"
	    "lapic_write vcpu=0 by=guest reg=eoi value=0\n"
	    "ioapic_read vcpu=0 by=guest reg=0x30\n",
	    svr, vector / 32, 1u << vector % 32, vector / 32,
	    tmr << vector % 32);
	run(&expected);
}

static void ends_that_count(void **state)
{
	static const struct {
		uint32_t vector, tmr, svr;
		bool cleared;
	} rows[] = {
		{ 0x41, 1, 0x1ff, true },   { 0x41, 0, 0x1ff, false },
		{ 0x42, 1, 0x1ff, false },  { 0x61, 1, 0x1ff, false },
		{ 0x41, 1, 0x11ff, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start();
		add("ioapic_write vcpu=0 by=host reg=0x30 value=0x8041\n"
		    "irq_line gsi=16 level=1\n"
		    "irq_line gsi=16 level=0\n");
		end_of(rows[i].vector, rows[i].tmr, rows[i].svr);
		assert_true(care_last()->value & REDIRECTION_REMOTE_IRR);
		assert_int_equal(!(want_last()->value & REDIRECTION_REMOTE_IRR),
				 rows[i].cleared);
	}
}

/* NMI: of two edges both come, whatever the trigger mode says. */
static void some_are_edges_always(void **state)
{
	(void)state;
	for (uint32_t mode = 0; mode < 2; mode++) {
		start();
		add("ioapic_write vcpu=0 by=host reg=0x30 value=%#x\n"
		    "irq_line gsi=16 level=1\nirq_line gsi=16 level=0\n"
		    "irq_line gsi=16 level=1\n",
		    0x400 | mode << 15);
		run(&expected);
		assert_int_equal(end_state(0)->nmi_pending, 2);
		assert_int_equal(want_last()->value, 1);
		assert_int_equal(care_last()->value, UINT64_MAX);
	}
}

static void registers_of_its_own(void **state)
{
	static const struct {
		uint32_t reg;
		uint64_t want, care;
	} rows[] = {
		{ 0, 0x0a000000, 0xffffffff0f000000 },
		{ 1, 0x00170011, 0xffffffff00ff00ff },
		{ 2, 0, 0xffffffff00000000 },
		{ 3, 0, 0xffffffff00000000 },
		{ 0x3e, 0x10000, 0xffffffffffffbfff },
		{ 0x3f, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start();
		add("ioapic_write vcpu=0 by=guest reg=0 value=0xfaffffff\n"
		    "ioapic_write vcpu=0 by=guest reg=1 value=0xffffffff\n"
		    "ioapic_read vcpu=0 by=guest reg=%#x\n",
		    rows[i].reg);
		run(&expected);
		assert_int_equal(care_last()->value, rows[i].care);
		assert_int_equal(want_last()->value & rows[i].care,
				 rows[i].want);
	}
}

/* Beside a split irqchip there is none, and under an APIC page it is not seen. */
static void where_there_is_none(void **state)
{
	static const struct {
		const char *text;
		uint32_t error, outcome;
		uint64_t value;
	} rows[] = {
		{ "vcpu_create vcpu_id=0\n"
		  "ioapic_read vcpu=0 by=guest reg=1\n",
		  0, 0, UINT32_MAX },
		{ "vcpu_create vcpu_id=0\n"
		  "ioapic_read vcpu=0 by=host reg=0x10\n",
		  6, 0, 0 },
		{ "vcpu_create vcpu_id=0\n"
		  "ioapic_write vcpu=0 by=host reg=0x10 value=0\n",
		  6, 0, 0 },
		{ "config irqchip=full\nvcpu_create vcpu_id=0\n"
		  "apicbase_write vcpu=0 by=host value=0xfec00900\n"
		  "ioapic_read vcpu=0 by=guest reg=1\n",
		  0, OUTCOME_IMPOSSIBLE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "%s", rows[i].text);
		run(&expected);
		assert_int_equal(want_last()->error, rows[i].error);
		assert_int_equal(want_last()->outcome, rows[i].outcome);
		assert_int_equal(want_last()->value, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_course_sends_as_often_as_it_should),
		cmocka_unit_test(messages_are_those_of_devices),
		cmocka_unit_test(every_bit_of_an_entry),
		cmocka_unit_test(ends_that_count),
		cmocka_unit_test(some_are_edges_always),
		cmocka_unit_test(registers_of_its_own),
		cmocka_unit_test(where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
