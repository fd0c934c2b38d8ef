/*
 * The host guard: what the kernel complains of is told from what others log,
 * and kept whole; the input about to run outlives the process, and is never
 * written over by the next one.
 */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmdrv/guard.h"

static char dir[256], path[512], kept[PATH_MAX];
static struct complaint complaint;

static int make_dir(void **state)
{
	const char *tmp = getenv("TEST_TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/guard.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/running.bin", dir);
	return 0;
}

static int remove_dir(void **state)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	(void)state;
	while (folder && (entry = readdir(folder)) != NULL)
		unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	return rmdir(dir);
}

static void assert_file(const char *name, const char *want)
{
	char text[64] = "";
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(want));
	assert_string_equal(text, want);
	close(fd);
}

static int open_guard(struct guard *guard, bool sync)
{
	const struct guard_input input = { path, sync };

	return guard_open(guard, &input, kept);
}

static int keep(struct guard *guard, const char *text)
{
	return guard_keep(guard, (const uint8_t *)text, strlen(text));
}

/* A process that is killed while it runs @text. */
static void die_running(const char *text, bool sync)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct guard guard;

		if (open_guard(&guard, sync) != 0 ||
		    keep(&guard, "longer than that") != 0 ||
		    keep(&guard, text) != 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_file(path, text);
}

static void what_ran_when_a_process_died_is_never_lost(void **state)
{
	char first[PATH_MAX];
	struct guard guard;

	(void)state;
	die_running("first", false);
	die_running("second", true);
	/* The second process put the first one's aside. */
	assert_int_equal(open_guard(&guard, false), 0);
	assert_file(kept, "second");
	memcpy(first, kept, sizeof(first));
	assert_file(path, "");
	guard_close(&guard);
	assert_int_equal(access(path, F_OK), -1);
	/* The same input again has the same name. */
	die_running("second", false);
	assert_int_equal(open_guard(&guard, false), 0);
	assert_string_equal(kept, first);
	guard_close(&guard);
}

static void a_clean_end_leaves_nothing(void **state)
{
	struct guard guard;

	(void)state;
	assert_int_equal(open_guard(&guard, true), 0);
	assert_string_equal(kept, "");
	assert_int_equal(keep(&guard, "something"), 0);
	guard_close(&guard);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(open_guard(&guard, false), 0);
	assert_string_equal(kept, "");
	guard_close(&guard);
}

/* A process that is killed between inputs leaves none. */
static void nothing_is_left_of_what_is_done(void **state)
{
	struct guard guard;
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (open_guard(&guard, false) != 0 ||
		    keep(&guard, "something") != 0)
			_exit(1);
		guard_rest(&guard);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(open_guard(&guard, false), 0);
	assert_string_equal(kept, "");
	guard_close(&guard);
}

static void the_file_of_a_process_that_runs_is_left_alone(void **state)
{
	struct guard guard, other;

	(void)state;
	assert_int_equal(open_guard(&guard, false), 0);
	assert_int_equal(keep(&guard, "mine"), 0);
	assert_int_equal(open_guard(&other, false), -EBUSY);
	guard_close(&other);
	assert_file(path, "mine");
	guard_close(&guard);
}

static void no_folder_is_said(void **state)
{
	const struct guard_input input = { "/nonexistent/running.bin", false };
	struct guard guard;

	(void)state;
	assert_int_equal(guard_open(&guard, &input, kept), -ENOENT);
	guard_close(&guard);
}

static void complaints_are_told_from_other_records(void **state)
{
	static const struct {
		const char *record;
		const char *line; /* NULL: no complaint */
	} rows[] = {
		{ "4,1,2,-;WARNING: CPU: 1 PID: 77 at kvm_foo+0x1f/0x20\n",
		  "WARNING: CPU: # PID: # at kvm_foo+#/#" },
		{ "0,1,2,-;BUG: unable to handle page fault",
		  "BUG: unable to handle page fault" },
		{ "12,1,2,-;BUG: said by somebody else", NULL },
		{ "6,1,2,-;kvm: Disabled LAPIC found during irq injection",
		  NULL },
		{ "6,1,2,-;all is well\n WARNING: =in a dictionary", NULL },
		{ "no record at all", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool got;

		memset(&complaint, 0, sizeof(complaint));
		got = complaint_add(&complaint, rows[i].record);
		assert_int_equal(got, rows[i].line != NULL);
		if (got)
			assert_string_equal(complaint.line, rows[i].line);
	}
}

/* An oops has many lines, and what others say meanwhile is not among them. */
static void all_of_a_complaint_is_kept(void **state)
{
	static const char *const records[] = {
		"6,1,1,-;kvm: before\n",
		"4,2,2,-;WARNING: CPU: 1 PID: 77 at kvm_foo+0x1f/0x20\n",
		"4,3,3,-;RIP: 0010:kvm_foo+0x1f/0x20\n SUBSYSTEM=kvm\n",
		"14,4,4,-;systemd says something\n",
		"4,5,5,-; kvm_bar+0x1/0x2 [kvm]\n",
	};

	(void)state;
	memset(&complaint, 0, sizeof(complaint));
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		assert_int_equal(complaint_add(&complaint, records[i]), i > 0);
	assert_string_equal(complaint.line,
			    "WARNING: CPU: # PID: # at kvm_foo+#/#");
	assert_string_equal(complaint.text,
			    "WARNING: CPU: 1 PID: 77 at kvm_foo+0x1f/0x20\n"
			    "RIP: 0010:kvm_foo+0x1f/0x20\n"
			    " kvm_bar+0x1/0x2 [kvm]\n");
	for (int i = 0; i < 10000; i++)
		assert_true(complaint_add(&complaint, records[4]));
	assert_int_equal(strlen(complaint.text), GUARD_TEXT_MAX - 1);
}

/* Reads the real log; a line of ours in it must not count. */
static void the_log_of_this_host_is_read(void **state)
{
	static const char line[] = "<4>BUG: a test of kvmerrata's\n";
	const struct guard_input none = { NULL, false };
	struct guard guard;
	int log = open("/dev/kmsg", O_WRONLY);
	char record[1];

	(void)state;
	assert_int_equal(guard_open(&guard, &none, kept), 0);
	if (log < 0 || guard.kernel_log < 0) {
		guard_close(&guard);
		printf("# SKIP-REASON: no permission for /dev/kmsg\n");
		skip();
	}
	assert_int_equal(write(log, line, sizeof(line) - 1), sizeof(line) - 1);
	assert_false(guard_complaint(&guard, &complaint));
	/* It was read, and is not there to be read again. */
	assert_int_equal(read(guard.kernel_log, record, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(log);
	guard_close(&guard);
}

#define IN_A_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(what_ran_when_a_process_died_is_never_lost),
		IN_A_FOLDER(a_clean_end_leaves_nothing),
		IN_A_FOLDER(nothing_is_left_of_what_is_done),
		IN_A_FOLDER(the_file_of_a_process_that_runs_is_left_alone),
		cmocka_unit_test(no_folder_is_said),
		cmocka_unit_test(complaints_are_told_from_other_records),
		cmocka_unit_test(all_of_a_complaint_is_kept),
		cmocka_unit_test(the_log_of_this_host_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
