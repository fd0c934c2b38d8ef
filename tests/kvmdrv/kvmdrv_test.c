/*
 * The driver on the real /dev/kvm, and without it. Nothing here says what KVM
 * should answer: only that what it answers is reported, that the schedules
 * see the same machine, and that equal scenarios give equal observations.
 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmdrv/kvmdrv.h"

static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct observation first, second;
static struct scenario scenario;

static void open_or_skip(void)
{
	if (!drv && kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
}

static void no_device_is_a_reason(void **state)
{
	struct kvmdrv *none;

	(void)state;
	assert_int_equal(kvmdrv_open(&none, &reason, "/nonexistent/kvm"),
			 -ENOENT);
	assert_string_equal(
		reason.text,
		"/nonexistent/kvm does not exist: load the module (modprobe "
		"kvm_intel or kvm_amd), or enable virtualization in the "
		"firmware or in the hypervisor above");
}

static void another_device_is_a_reason(void **state)
{
	struct kvmdrv *none;

	(void)state;
	assert_int_equal(kvmdrv_open(&none, &reason, "/dev/null"), -ENODEV);
	assert_string_equal(reason.text,
			    "/dev/null is not KVM: KVM_GET_API_VERSION gives "
			    "-1, not 12");
}

/* Root may open anything; a child that only looks like root may not. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (syscall(SYS_capset, &header, none) != 0)
		_exit(2);
}

static void no_permission_is_a_reason(void **state)
{
	const char *tmp = getenv("TEST_TMPDIR");
	char path[512];
	int status;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/kvm.%ld", tmp ? tmp : "/tmp",
		 (long)getpid());
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(chmod(path, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct kvmdrv *none;

		drop_capabilities();
		if (kvmdrv_open(&none, &reason, path) != -EACCES)
			_exit(3);
		_exit(strstr(reason.text, "usermod -aG kvm") ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_equal_observations(void)
{
	assert_int_equal(first.nr_steps, second.nr_steps);
	assert_int_equal(first.nr_states, second.nr_states);
	for (uint32_t i = 0; i < first.nr_steps; i++)
		assert_memory_equal(&first.steps[i].answer,
				    &second.steps[i].answer,
				    sizeof(first.steps[i].answer));
	assert_memory_equal(first.states, second.states,
			    sizeof(first.states[0]) * first.nr_states);
}

static void random_scenario(uint64_t *random)
{
	uint8_t bytes[200];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(test_random(random) % 14);
	scenario_decode(&scenario, bytes, sizeof(bytes));
	/* Not every host has them all. */
	scenario.config.quirks_off &= QUIRK_LINT0_REENABLED |
				      QUIRK_CD_NW_CLEARED;
}

static void equal_scenarios_are_observed_equal(void **state)
{
	uint64_t random = 11;

	(void)state;
	open_or_skip();
	for (int i = 0; i < 60; i++) {
		random_scenario(&random);
		kvmdrv_run(drv, &first, &scenario, SCHEDULE_FAST);
		kvmdrv_run(drv, &second, &scenario, SCHEDULE_FAST);
		assert_equal_observations();
	}
}

/* Reading after every op must not change what is there at the end. */
static void both_schedules_end_alike(void **state)
{
	uint64_t random = 12;

	(void)state;
	open_or_skip();
	for (int i = 0; i < 60; i++) {
		const struct step *fast, *strict;

		random_scenario(&random);
		kvmdrv_run(drv, &first, &scenario, SCHEDULE_FAST);
		kvmdrv_run(drv, &second, &scenario, SCHEDULE_STRICT);
		assert_int_equal(first.nr_steps, second.nr_steps);
		fast = &first.steps[first.nr_steps - 1];
		strict = &second.steps[second.nr_steps - 1];
		assert_int_equal(fast->nr_states, strict->nr_states);
		for (uint32_t vcpu = 0; vcpu < fast->nr_states; vcpu++)
			assert_memory_equal(
				observation_state(&first, fast, vcpu),
				observation_state(&second, strict, vcpu),
				sizeof(struct vcpu_state));
	}
}

static void refusals_are_answers(void **state)
{
	(void)state;
	open_or_skip();
	test_parse(&scenario, "vcpu_create vcpu_id=1\n"
			      "vcpu_create vcpu_id=1\n"
			      "apicbase_write vcpu=0 by=host value=0xfee00400\n"
			      "apicbase_restore vcpu=0 value=0xfee00400\n"
			      "lapic_write vcpu=1 by=host reg=tpr value=1\n");
	kvmdrv_run(drv, &first, &scenario, SCHEDULE_FAST);
	assert_int_equal(first.steps[0].answer.accepted, 1);
	assert_int_equal(first.steps[1].answer.accepted, 0);
	assert_int_equal(first.steps[1].answer.error, EEXIST);
	/* KVM_SET_MSRS gives no errno, KVM_SET_SREGS does. */
	assert_int_equal(first.steps[2].answer.accepted, 0);
	assert_int_equal(first.steps[2].answer.error, 0);
	assert_int_equal(first.steps[3].answer.accepted, 0);
	assert_int_equal(first.steps[3].answer.error, EINVAL);
	/* An op on a vCPU that was refused. */
	assert_int_equal(first.steps[4].answer.accepted, 0);
	assert_int_equal(first.steps[5].nr_states, 2);
	assert_int_equal(first.states[1].apicbase, 0);
}

static void the_largest_topology_runs(void **state)
{
	(void)state;
	open_or_skip();
	scenario_decode(&scenario, NULL, 0);
	for (uint32_t i = 0; i < VCPUS_MAX; i++) {
		scenario.ops[i].kind = OP_vcpu_create;
		scenario.ops[i].as.vcpu_create.vcpu_id = i;
	}
	scenario.nr_ops = VCPUS_MAX;
	kvmdrv_run(drv, &first, &scenario, SCHEDULE_FAST);
	assert_int_equal(first.nr_states, VCPUS_MAX);
	for (uint32_t i = 0; i < VCPUS_MAX; i++)
		assert_int_equal(first.steps[i].answer.accepted, 1);
}

static int close_driver(void **state)
{
	(void)state;
	if (drv)
		kvmdrv_close(drv);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_device_is_a_reason),
		cmocka_unit_test(another_device_is_a_reason),
		cmocka_unit_test(no_permission_is_a_reason),
		cmocka_unit_test(equal_scenarios_are_observed_equal),
		cmocka_unit_test(both_schedules_end_alike),
		cmocka_unit_test(refusals_are_answers),
		cmocka_unit_test(the_largest_topology_runs),
	};

	return cmocka_run_group_tests(tests, NULL, close_driver);
}
