/*
 * Guests of probes on the real /dev/kvm: code in ring 3 gets its argument and
 * its memory and gives back results, and however it ends is an answer, not the
 * end of the process. And every probe answers with a reason, in time.
 */
#include "tests/test.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kvmdrv/probe_guest.h"

static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct probe_guest guest;
static struct probe_found found;

static int open_driver(void **state)
{
	(void)state;
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		drv = NULL;
	return 0;
}

static int close_driver(void **state)
{
	(void)state;
	if (drv)
		kvmdrv_close(drv);
	return 0;
}

static void make_guest(size_t data_size)
{
	if (!drv)
		test_skip(reason.text);
	if (!probe_guest_open(&guest, &found, drv, data_size))
		fail_msg("no guest: %s", found.why);
}

static bool run(const uint8_t *code, size_t len, uint64_t argument)
{
	const struct probe_code all = { code, code + len, argument };

	found = (struct probe_found){ 0 };
	return probe_guest_run(&guest, &found, &all);
}

static void code_has_argument_and_memory(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0x37,		    /* mov %rsi, (%rdi) */
		0x8c, 0xc8,			    /* mov %cs, %eax */
		0x89, 0x47, 0x08,		    /* mov %eax, 8(%rdi) */
		0xff, 0x87, 0x00, 0x00, 0x10, 0x00, /* incl 0x100000(%rdi) */
		0xcc,				    /* int3 */
	};
	uint64_t argument;

	(void)state;
	make_guest(0x100000 + 4);
	for (uint32_t i = 1; i <= 3; i++) {
		if (!run(code, sizeof(code), 0x123456789abcdef0ull + i))
			fail_msg("%s", found.why);
		memcpy(&argument, guest.data, sizeof(argument));
		assert_true(argument == 0x123456789abcdef0ull + i);
		assert_int_equal(guest.data[8] & 3, 3);
		assert_int_equal(guest.data[0x100000], i);
	}
	probe_guest_close(&guest);
}

static void expect_end(const uint8_t *code, size_t len, const char *mentions)
{
	make_guest(1);
	if (run(code, len, 0))
		fail_msg("it ended well, not: %s", mentions);
	assert_int_equal(found.answer, PROBE_UNDETERMINED);
	if (!strstr(found.why, mentions))
		fail_msg("want '%s', got: %s", mentions, found.why);
	probe_guest_close(&guest);
}

static void an_exception_is_an_answer(void **state)
{
	static const uint8_t undefined[] = { 0x0f, 0x0b }; /* ud2 */
	static const uint8_t privileged[] = { 0xf4 };	   /* hlt */

	(void)state;
	expect_end(undefined, sizeof(undefined), "exception 6");
	expect_end(privileged, sizeof(privileged), "exception 13");
}

static void a_hang_is_an_answer(void **state)
{
	static const uint8_t code[] = { 0xeb, 0xfe }; /* jmp . */

	(void)state;
	expect_end(code, sizeof(code), "does not end within 500 ms");
}

/* An access where there is no memory, which no one is there to emulate. */
static void an_exit_is_an_answer(void **state)
{
	static const uint8_t code[] = {
		0xa0, 0x00, 0x00, 0x00, 0x30,
		0,    0,    0,	  0, /* mov 0x30000000, %al */
		0xcc,		     /* int3 */
	};

	(void)state;
	expect_end(code, sizeof(code), "exit reason");
}

static void a_failure_is_an_answer(void **state)
{
	static const uint8_t code[] = { 0xcc };

	(void)state;
	make_guest(1);
	guest.cr0 |= 1ull << 40;
	assert_false(run(code, sizeof(code), 0));
	assert_true(strstr(found.why, "KVM_SET_SREGS") ||
		    strstr(found.why, "KVM_RUN"));
	probe_guest_close(&guest);
}

static void every_probe_answers(void **state)
{
	struct timespec before, after;

	(void)state;
	if (!drv)
		test_skip(reason.text);
	for (enum probe probe = 0; probe < PROBES; probe++) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		probe_run(&found, drv, probe);
		clock_gettime(CLOCK_MONOTONIC, &after);
		if (!found.why[0] || after.tv_sec - before.tv_sec > 10)
			fail_msg("%s: %ld s, '%s'", probe_infos[probe].name,
				 (long)(after.tv_sec - before.tv_sec),
				 found.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_has_argument_and_memory),
		cmocka_unit_test(an_exception_is_an_answer),
		cmocka_unit_test(a_hang_is_an_answer),
		cmocka_unit_test(an_exit_is_an_answer),
		cmocka_unit_test(a_failure_is_an_answer),
		cmocka_unit_test(every_probe_answers),
	};

	return cmocka_run_group_tests(tests, open_driver, close_driver);
}
