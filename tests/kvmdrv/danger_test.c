/*
 * What must not be run on a host: kernel versions are read and ordered, each
 * known bug is refused on the versions that have it and on no others, and what
 * a host has no room for is told. Hosts are made up here, but the last one.
 */
#include "tests/test.h"

#include <sys/resource.h>

#include "kvmdrv/danger.h"

static struct scenario scenario;
static struct kvmdrv_reason reason;

static struct danger_host host_of(const char *release)
{
	struct danger_host host = { .vcpus_max = 1024, .vcpu_ids_max = 4096 };

	host.version_known = kernel_version_parse(&host.version, release);
	return host;
}

static enum danger check(const char *release, const char *text)
{
	struct danger_host host = host_of(release);

	test_parse(&scenario, text);
	return danger_check(&reason, &host, &scenario);
}

static void versions_are_read(void **state)
{
	static const struct {
		const char *release;
		struct kernel_version version; /* all 0: none */
	} rows[] = {
		{ "6.3.0", { 6, 3, 0, KERNEL_RELEASE } },
		{ "6.1.0-18-amd64", { 6, 1, 0, KERNEL_RELEASE } },
		{ "6.3", { 6, 3, 0, KERNEL_RELEASE } },
		{ "6.4.0-rc5+", { 6, 4, 0, 5 } },
		{ "6.18.44-fc-v445", { 6, 18, 44, KERNEL_RELEASE } },
		{ "5.14.0-362.8.1.el9_3.x86_64", { 5, 14, 0, KERNEL_RELEASE } },
		{ "unknown", { 0, 0, 0, 0 } },
		{ "", { 0, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_version got = { 0, 0, 0, 0 };
		bool known = kernel_version_parse(&got, rows[i].release);

		if (known != (rows[i].version.major != 0) ||
		    memcmp(&got, &rows[i].version, sizeof(got)) != 0)
			fail_msg("%s: got %u.%u.%u, candidate %u",
				 rows[i].release, got.major, got.minor,
				 got.patch, got.candidate);
	}
}

/* One whose ID KVM's table may have no room for, beside another. */
#define WIDE "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=0x100\n"

static void the_table_overrun_is_refused_where_it_is(void **state)
{
	static const struct {
		const char *release;
		enum danger want;
	} rows[] = {
		{ "5.10.0", DANGER_NONE },
		{ "6.1.33", DANGER_NONE },
		{ "6.2.16", DANGER_NONE },
		{ "6.3.0-rc1", DANGER_KERNEL },
		{ "6.3.0", DANGER_KERNEL },
		{ "6.3.6", DANGER_KERNEL },
		{ "6.3.6-200.fc38.x86_64", DANGER_KERNEL },
		{ "6.3.7", DANGER_NONE },
		{ "6.3.13", DANGER_NONE },
		{ "6.4.0-rc5", DANGER_KERNEL },
		{ "6.4.0", DANGER_NONE },
		{ "6.4.1", DANGER_NONE },
		{ "6.18.0", DANGER_NONE },
		/* The worst is thought. */
		{ "unknown", DANGER_KERNEL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct danger_host host = host_of(rows[i].release);
		enum danger got = check(rows[i].release, WIDE);

		if (got != rows[i].want)
			fail_msg("%s: want %d, got %d", rows[i].release,
				 rows[i].want, got);
		assert_int_equal(danger_known(&host) != NULL,
				 got == DANGER_KERNEL);
	}
	assert_int_equal(check("6.3.0", WIDE), DANGER_KERNEL);
	assert_non_null(strstr(reason.text, "4364b287982b"));
}

static void only_what_triggers_it_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check("6.3.0", "vcpu_create vcpu_id=0x100\n"),
			 DANGER_NONE);
	assert_int_equal(check("6.3.0", "vcpu_create vcpu_id=1\n"
					"vcpu_create vcpu_id=0xff\n"),
			 DANGER_NONE);
	assert_int_equal(check("6.3.0",
			       "config x2apic_api=use_32bit_ids\n" WIDE),
			 DANGER_NONE);
	/* Switched on later, it is off at first. */
	assert_int_equal(check("6.3.0",
			       WIDE "x2apic_api_enable flags=use_32bit_ids\n"),
			 DANGER_KERNEL);
}

static void what_a_host_has_no_room_for_is_told(void **state)
{
	struct danger_host host = host_of("6.18.0");

	(void)state;
	test_parse(&scenario, WIDE);
	host.vcpus_max = 2;
	host.vcpu_ids_max = 0x101;
	assert_int_equal(danger_check(&reason, &host, &scenario), DANGER_NONE);
	host.vcpus_max = 1;
	assert_int_equal(danger_check(&reason, &host, &scenario), DANGER_LIMIT);
	assert_string_equal(reason.text, "it has 2 vCPUs, and this host has "
					 "room for 1 in one VM");
	host.vcpus_max = 2;
	host.vcpu_ids_max = 0x100;
	assert_int_equal(danger_check(&reason, &host, &scenario), DANGER_LIMIT);
	assert_string_equal(reason.text,
			    "it has vcpu_id 0x100, and this host's are below "
			    "0x100");
}

static void quirks_that_a_host_keeps_are_told(void **state)
{
	struct danger_host host = host_of("6.18.0");

	(void)state;
	test_parse(&scenario,
		   "config quirks_off=lint0_reenabled|lapic_mmio_hole\n"
		   "vcpu_create vcpu_id=0\n");
	host.quirks = 0x5ff;
	assert_int_equal(danger_check(&reason, &host, &scenario), DANGER_NONE);
	host.quirks = QUIRK_LINT0_REENABLED;
	assert_int_equal(danger_check(&reason, &host, &scenario), DANGER_LIMIT);
	assert_string_equal(reason.text,
			    "it turns off quirks 0x5, and this host's KVM lets "
			    "only 0x1 be");
}

static enum danger check_tcg(bool tcg, const char *text)
{
	struct danger_host host = host_of("6.18.0");

	host.tcg = tcg;
	test_parse(&scenario, text);
	return danger_check(&reason, &host, &scenario);
}

static void what_ends_qemu_is_told(void **state)
{
#define ONE "vcpu_create vcpu_id=0\n"
#define LONG "config guest=long\n" ONE
#define LME(by) "control_write vcpu=0 by=" by " reg=efer value=0x100\n"
#define CR8(by) "control_write vcpu=0 by=" by " reg=cr8 value=0x1\n"
#define MSI "msi address=0xfee00000 data=0x41\n"
	static const struct {
		const char *text;
		enum danger danger;
	} rows[] = {
		{ ONE LME("host"), DANGER_KERNEL },
		{ ONE LME("guest"), DANGER_KERNEL },
		{ LONG LME("host"), DANGER_KERNEL },
		{ LONG LME("guest"), DANGER_NONE },
		{ LONG CR8("guest"), DANGER_NONE },
		{ LONG CR8("guest") MSI, DANGER_KERNEL },
		{ LONG CR8("host") MSI, DANGER_NONE },
		{ ONE CR8("guest") MSI, DANGER_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(check_tcg(false, rows[i].text), DANGER_NONE);
		assert_int_equal(check_tcg(true, rows[i].text), rows[i].danger);
	}
}

static void what_kvm_logs_each_time_is_counted(void **state)
{
	static const struct {
		const char *op;
		uint32_t lines;
	} rows[] = {
		{ "msi address=0xfeeff000 data=0x141", 1 },
		{ "msi address=0xfeeff008 data=0x41", 1 },
		{ "msi address=0xfeeff000 data=0x41", 0 },
		{ "msi address=0xfeeff004 data=0x141", 0 },
		{ "msi address=0xfeefe000 data=0x141", 0 },
		{ "gsi_route gsi=1 address=0xfeeff000 data=0x141", 0 },
		{ "gsi_route gsi=1 address=0xfeeff000 data=0x141\n"
		  "irq_line gsi=1 level=1\nirq_line gsi=1 level=0\n"
		  "irq_line gsi=2 level=1\nirq_line gsi=1 level=1",
		  2 },
		{ "irq_line gsi=1 level=1\n"
		  "gsi_route gsi=1 address=0xfeeff000 data=0x141",
		  0 },
		/* It may be sent by each op that follows. */
		{ "ioapic_write vcpu=0 by=host reg=0x10 value=0x141\n"
		  "irq_line gsi=0 level=1\nirq_line gsi=0 level=0",
		  3 },
		{ "ioapic_write vcpu=0 by=host reg=0x10 value=0x10141", 0 },
		{ "ioapic_write vcpu=0 by=host reg=0x10 value=0x41", 0 },
		{ "ioapic_write vcpu=0 by=host reg=0x11 value=0x141", 0 },
		{ "icr_write vcpu=0 by=host dest=0xff low=0x4141", 1 },
		{ "icr_write vcpu=0 by=host dest=0xff low=0x4941", 0 },
		{ "x2apic_write vcpu=0 by=host reg=icr value=0xff00004141", 1 },
		{ "x2apic_write vcpu=0 by=host reg=tpr value=0xff00004141", 0 },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "vcpu_create vcpu_id=1\n%s\n",
			 rows[i].op);
		test_parse(&scenario, text);
		if (danger_log_lines(&scenario) != rows[i].lines)
			fail_msg("%s: want %u", rows[i].op, rows[i].lines);
	}
}

static void the_limit_of_descriptors_goes_up(void **state)
{
	struct danger_host host;
	struct rlimit limit;
	struct kvmdrv *drv;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
	danger_host_here(&host, drv);
	kvmdrv_close(drv);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
}

static void this_host_has_room_for_the_largest_scenario(void **state)
{
	struct danger_host host;
	struct kvmdrv *drv;

	(void)state;
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
	danger_host_here(&host, drv);
	kvmdrv_close(drv);
	assert_true(host.version_known);
	assert_true(host.vcpus_max > 0);
	assert_true(host.vcpu_ids_max >= host.vcpus_max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_read),
		cmocka_unit_test(the_table_overrun_is_refused_where_it_is),
		cmocka_unit_test(only_what_triggers_it_is_refused),
		cmocka_unit_test(what_a_host_has_no_room_for_is_told),
		cmocka_unit_test(quirks_that_a_host_keeps_are_told),
		cmocka_unit_test(what_ends_qemu_is_told),
		cmocka_unit_test(what_kvm_logs_each_time_is_counted),
		cmocka_unit_test(the_limit_of_descriptors_goes_up),
		cmocka_unit_test(this_host_has_room_for_the_largest_scenario),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
