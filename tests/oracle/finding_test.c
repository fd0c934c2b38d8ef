/*
 * Findings on disk: a folder a signature, whole or not there, counted up when
 * seen again; a disk that is full is said, and leaves the earlier ones; a
 * process that is killed while it saves leaves only whole ones; of several that
 * find the same at once one is first, and none is forgotten.
 */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle/report.h"

static char dir[256];
static struct scenario scenario;
static const struct report_about about = { .against = "arch",
					   .host = "a host",
					   .kernel_log = "WARNING: 1\n2\n" };

static int make_dir(void **state)
{
	const char *tmp = getenv("TEST_TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/findings.XXXXXX", tmp ? tmp : "/tmp");
	test_parse(&scenario, "vcpu_create vcpu_id=1\nobserve\n");
	return mkdtemp(dir) ? 0 : -1;
}

static struct verdict make_verdict(unsigned number)
{
	struct verdict v = { .kind = VERDICT_DIVERGE, .nr_differences = 1 };

	v.differences[0] = (struct difference){ 0, "apic_tpr", 1, 2 };
	snprintf(v.signature, sizeof(v.signature), "signature %u", number);
	return v;
}

static void read_of(char *out, size_t cap, const struct verdict *v,
		    const char *name)
{
	char path[512];
	size_t len = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%016llx/%s", dir,
		 (unsigned long long)signature_hash(v->signature), name);
	in = fopen(path, "r");
	if (in) {
		len = fread(out, 1, cap - 1, in);
		fclose(in);
	}
	out[len] = '\0';
}

static void assert_whole(const struct verdict *v)
{
	char text[8192];
	struct scenario read;
	struct text_error error;

	read_of(text, sizeof(text), v, "report.scn");
	assert_true(scenario_parse(&read, &error, text));
	assert_true(scenario_equal(&read, &scenario));
	assert_non_null(strstr(text, "\n#   WARNING: 1\n#   2\n"));
	read_of(text, sizeof(text), v, "meta.json");
	assert_non_null(strstr(text, "WARNING: 1\\n2\\n"));
	assert_non_null(strstr(text, v->signature));
	assert_int_equal(text[strlen(text) - 2], '}');
	read_of(text, sizeof(text), v, "hits");
	assert_true(atoi(text) >= 1);
}

static void a_new_one_is_kept_and_then_counted(void **state)
{
	struct verdict v = make_verdict(1);
	char text[64];

	(void)state;
	assert_int_equal(finding_count_up(dir, &v), FINDING_NEW);
	assert_int_equal(finding_save(dir, &scenario, &v, &about), FINDING_NEW);
	assert_whole(&v);
	for (int i = 0; i < 11; i++)
		assert_int_equal(finding_count_up(dir, &v), FINDING_KNOWN);
	/* Another process was first: the same. */
	assert_int_equal(finding_save(dir, &scenario, &v, &about),
			 FINDING_KNOWN);
	read_of(text, sizeof(text), &v, "hits");
	assert_string_equal(text, "13\n");
}

static void shortening_replaces_the_scenario_only(void **state)
{
	struct verdict v = make_verdict(2);
	char text[64];

	(void)state;
	assert_int_equal(finding_save(dir, &scenario, &v, &about), FINDING_NEW);
	assert_int_equal(finding_count_up(dir, &v), FINDING_KNOWN);
	scenario.nr_ops = 1;
	assert_int_equal(finding_shorten(dir, &scenario, &v, &about),
			 FINDING_KNOWN);
	assert_whole(&v);
	read_of(text, sizeof(text), &v, "hits");
	assert_string_equal(text, "2\n");
	scenario.nr_ops = 2;
}

/* How many entries there are, temporary ones included. */
static int entries(void)
{
	DIR *folder = opendir(dir);
	int nr = -2; /* . and .. */

	assert_non_null(folder);
	while (readdir(folder))
		nr++;
	closedir(folder);
	return nr;
}

/* A file size limit of 0 fails writes as a full disk does. */
static void a_full_disk_leaves_the_earlier_ones(void **state)
{
	struct verdict before = make_verdict(3), v = make_verdict(4);
	struct rlimit limit, none;
	enum finding_result result;
	int error;

	(void)state;
	assert_int_equal(finding_save(dir, &scenario, &before, &about),
			 FINDING_NEW);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	result = finding_save(dir, &scenario, &v, &about);
	error = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(result, FINDING_FAILED);
	assert_int_equal(error, EFBIG);
	assert_int_equal(entries(), 1);
	assert_whole(&before);
	assert_int_equal(finding_count_up(dir, &v), FINDING_NEW);
}

static void a_folder_that_cannot_be_made_is_said(void **state)
{
	struct verdict v = make_verdict(5);

	(void)state;
	assert_int_equal(finding_save("/proc/no/such", &scenario, &v, &about),
			 FINDING_FAILED);
	assert_int_equal(errno, ENOENT);
}

static void save_for_ever(void)
{
	for (unsigned i = 0;; i++) {
		struct verdict v = make_verdict(i);

		if (finding_save(dir, &scenario, &v, &about) == FINDING_FAILED)
			_exit(1);
	}
}

/* Killed at twenty odd moments: whatever has a finding's name is whole. */
static void a_kill_leaves_whole_ones(void **state)
{
	unsigned whole = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			save_for_ever();
		usleep(3000 + 1700 * (useconds_t)i);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	for (unsigned i = 0;; i++, whole++) {
		struct verdict v = make_verdict(i);

		if (finding_count_up(dir, &v) != FINDING_KNOWN)
			break;
		assert_whole(&v);
	}
	assert_true(whole > 0);
}

enum { PROCESSES = 6, SIGNATURES = 40, ROUNDS = 5 };

/*
 * What a fuzz target does with a finding; returns how many were new to it. All
 * processes wait for the end of the pipe @start, and then begin at once.
 */
static int find_all(int start)
{
	int nr_new = 0;
	char byte;

	if (read(start, &byte, 1) != 0)
		return -1;
	for (unsigned i = 0; i < SIGNATURES * ROUNDS; i++) {
		struct verdict v = make_verdict(i % SIGNATURES);
		enum finding_result result = finding_count_up(dir, &v);

		if (result == FINDING_NEW)
			result = finding_save(dir, &scenario, &v, &about);
		if (result == FINDING_FAILED)
			return -1;
		if (result == FINDING_KNOWN)
			continue;
		nr_new++;
		if (finding_shorten(dir, &scenario, &v, &about) !=
		    FINDING_KNOWN)
			return -1;
	}
	return nr_new;
}

static void processes_that_find_the_same_lose_nothing(void **state)
{
	pid_t pids[PROCESSES];
	int ends[2], status, nr_new = 0;
	char text[64];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(ends[1]);
			_exit(find_all(ends[0]));
		}
	}
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, SIGNATURES);
		nr_new += WEXITSTATUS(status);
	}
	assert_int_equal(nr_new, SIGNATURES);
	assert_int_equal(entries(), SIGNATURES);
	for (unsigned i = 0; i < SIGNATURES; i++) {
		struct verdict v = make_verdict(i);

		assert_whole(&v);
		read_of(text, sizeof(text), &v, "hits");
		assert_int_equal(atoi(text), PROCESSES * ROUNDS);
	}
}

/* Of a process that was killed, or of one with this ID in another container. */
static void a_folder_in_the_way_is_left_alone(void **state)
{
	struct verdict v = make_verdict(7);
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/.%016llx.%ld.0", dir,
		 (unsigned long long)signature_hash(v.signature),
		 (long)getpid());
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(finding_save(dir, &scenario, &v, &about), FINDING_NEW);
	assert_whole(&v);
	assert_int_equal(entries(), 2);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_one_is_kept_and_then_counted,
				       make_dir),
		cmocka_unit_test_setup(shortening_replaces_the_scenario_only,
				       make_dir),
		cmocka_unit_test_setup(a_full_disk_leaves_the_earlier_ones,
				       make_dir),
		cmocka_unit_test_setup(a_folder_that_cannot_be_made_is_said,
				       make_dir),
		cmocka_unit_test_setup(a_kill_leaves_whole_ones, make_dir),
		cmocka_unit_test_setup(
			processes_that_find_the_same_lose_nothing, make_dir),
		cmocka_unit_test_setup(a_folder_in_the_way_is_left_alone,
				       make_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
