/* What the fuzz targets share. */
#include "fuzz/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/stats.h"
#include "fuzz/twin.h"
#include "kvmdrv/danger.h"
#include "kvmdrv/guard.h"
#include "kvmdrv/host.h"
#include "kvmdrv/kvmdrv.h"
#include "oracle/minimize.h"
#include "oracle/oracle.h"
#include "oracle/report.h"
#include "ref/model.h"

enum { EXIT_USAGE = 2, EXIT_HARNESS = 3, EXIT_SKIP = 4 };

/*
 * Of scenarios that make the kernel log a line each time, one in so many runs.
 * Which ones, their bytes say: an input always does the same.
 */
enum { LOGGED_ONE_IN = 16 };

_Static_assert((int)DANGERS == (int)FUZZ_STATS_REFUSALS, "a count of each");

static struct {
	const char *against;
	const char *out;
	const char *kvm;
	const char *twin; /* NULL: any */
	char again[64];	  /* what a report's last line adds to its command */
	unsigned int job;
	bool sync_input;
	time_t shorten_until;
	bool dangerous;
	struct kvmdrv *drv;
	struct danger_host limits;
	struct guard guard;
	struct host host;
	struct report_about about;
	char findings[PATH_MAX];
	char explained[PATH_MAX];
	char flaky[PATH_MAX];
	char running[PATH_MAX];
	struct fuzz_stats *stats;
} session = { .against = "documented", .kvm = KVMDRV_DEVICE };

/* AFL++'s runtime has it. */
extern void __afl_coverage_off(void) __attribute__((weak));

static struct oracle_workspace work;
static struct scenario scenario;

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	(void)context;
	session.stats->beats++;
	kvmdrv_run(session.drv, out, s, schedule);
}

static struct oracle_sides sides = { .expect = model_run,
				     .observe = observe,
				     .row_name = erratum_name };

/* Engines take an exit() for a crash of the target. */
static _Noreturn void end(int status)
{
	fflush(NULL);
	_exit(status);
}

/* The value of --name=VALUE, or NULL. */
static const char *option(const char *argument, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argument, name, len) != 0 || argument[len] != '=')
		return NULL;
	return argument + len + 1;
}

static void read_option(const char *argument)
{
	const char *value;

	if ((value = option(argument, "--against")))
		session.against = value;
	else if ((value = option(argument, "--out")))
		session.out = value;
	else if ((value = option(argument, "--kvm")))
		session.kvm = value;
	else if ((value = option(argument, "--twin")))
		session.twin = value;
	else if ((value = option(argument, "--job")))
		session.job = (unsigned int)strtoul(value, NULL, 10);
	else if (!strcmp(argument, "--sync-input"))
		session.sync_input = true;
	else if (!strcmp(argument, "--dangerous"))
		session.dangerous = true;
}

void session_options(int argc, char **argv)
{
	const char *unknown;

	for (int i = 1; i < argc; i++)
		read_option(argv[i]);
	if (!errata_parse(&sides.errata, &unknown, session.against)) {
		fprintf(stderr, "--against: unknown set or row '%s'\n",
			unknown);
		end(EXIT_USAGE);
	}
}

const struct errata *session_errata(void)
{
	return &sides.errata;
}

/* @name in the output folder; the process ends where that is too long. */
static void out_path(char path[PATH_MAX], const char *name)
{
	if (snprintf(path, PATH_MAX, "%s/%s", session.out, name) < PATH_MAX)
		return;
	fprintf(stderr, "--out: the path is too long\n");
	end(EXIT_USAGE);
}

/* As above; @format names a file of this job's. */
static void __attribute__((format(printf, 2, 0)))
job_path(char path[PATH_MAX], const char *format)
{
	char name[64];

	snprintf(name, sizeof(name), format, session.job);
	out_path(path, name);
}

/* Numbers that whoever started the process can read while it runs. */
static void open_stats(void)
{
	static struct fuzz_stats unshared;
	char path[PATH_MAX];
	void *shared;
	int fd, error;

	session.stats = &unshared;
	if (!session.out)
		return;
	job_path(path, FUZZ_STATS_FILE);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	/* A full disk is told now, not by SIGBUS. */
	error = fd < 0 ? errno : posix_fallocate(fd, 0, sizeof(unshared));
	if (error) {
		fprintf(stderr, "HARNESS: %s: %s\n", path, strerror(error));
		end(EXIT_HARNESS);
	}
	shared = mmap(NULL, sizeof(unshared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	close(fd);
	if (shared != MAP_FAILED)
		session.stats = shared;
}

static void close_guard(void)
{
	guard_close(&session.guard);
}

static void open_guard(void)
{
	struct guard_input input = { session.out ? session.running : NULL,
				     session.sync_input };
	char kept[PATH_MAX];
	int error;

	if (session.out) {
		out_path(session.findings, "findings");
		out_path(session.explained, "explained");
		out_path(session.flaky, "flaky");
		job_path(session.running, FUZZ_RUNNING_FILE);
	}
	error = guard_open(&session.guard, &input, kept);
	if (error) {
		fprintf(stderr, "HARNESS: %s: %s\n", session.running,
			strerror(-error));
		end(EXIT_HARNESS);
	}
	if (kept[0])
		fprintf(stderr, "KEPT: %s: what ran when a process died\n",
			kept);
	/* Not where the process dies: then the input stays. */
	atexit(close_guard);
}

void session_open_kvm(void)
{
	struct kvmdrv_reason reason;

	if (kvmdrv_open(&session.drv, &reason, session.kvm) != 0) {
		fprintf(stderr, "SKIP: %s\n", reason.text);
		end(EXIT_SKIP);
	}
	host_describe(&session.host);
	danger_host_here(&session.limits, session.drv);
	sides.switchable = errata_switchable();
	sides.usual = errata_observed();
	session.about.sides = &sides;
	session.about.against = session.against;
	session.about.host = session.host.line;
	open_guard();
	open_stats();
}

/* A finding that cannot be kept must not be lost in silence. */
static void check_saved(enum finding_result result, const char *folder,
			const struct verdict *verdict)
{
	if (result != FINDING_FAILED)
		return;
	fprintf(stderr, "HARNESS: cannot keep a finding in %s: %s\n", folder,
		strerror(errno));
	report_write(stderr, &scenario, verdict, &session.about);
	end(EXIT_HARNESS);
}

/*
 * Where a guest hangs each run takes seconds; an engine takes an input that
 * takes a minute for one that hangs.
 */
enum { SHORTEN_S = 15 };

static bool may_run(void *context, const struct scenario *s)
{
	struct kvmdrv_reason reason;
	enum danger danger = danger_check(&reason, &session.limits, s);

	(void)context;
	if (time(NULL) > session.shorten_until)
		return false;
	return danger == DANGER_NONE ||
	       (danger == DANGER_KERNEL && session.dangerous);
}

/* Fuzzing goes on soon; the verb `minimize` takes its time. */
static const struct minimize_task shorten = { .depth = MINIMIZE_OPS,
					      .budget = 100000,
					      .may_run = may_run };

static void count_new(const struct verdict *verdict)
{
	session.stats->new_diverge += verdict->kind == VERDICT_DIVERGE;
	session.stats->new_explained += verdict->kind == VERDICT_EXPLAINED;
	session.stats->new_flaky += verdict->kind == VERDICT_FLAKY;
}

/* Saved first, then made short, so that nothing is lost in between. */
static void keep(struct verdict *verdict, const char *folder)
{
	enum finding_result result = finding_count_up(folder, verdict);

	if (result == FINDING_NEW)
		result = finding_save(folder, &scenario, verdict,
				      &session.about);
	check_saved(result, folder, verdict);
	if (result == FINDING_KNOWN)
		return;
	count_new(verdict);
	fprintf(stderr, "%s: %s\n",
		verdict->kind == VERDICT_EXPLAINED ? "EXPLAINED" : "FINDING",
		verdict->signature);
	if (verdict->kind == VERDICT_FLAKY || !verdict->nr_differences)
		return;
	session.shorten_until = time(NULL) + SHORTEN_S;
	oracle_minimize(&scenario, verdict, &sides, &shorten, &work);
	check_saved(finding_shorten(folder, &scenario, verdict, &session.about),
		    folder, verdict);
}

static void count(const struct verdict *verdict)
{
	session.stats->scenarios++;
	session.stats->diverge += verdict->kind == VERDICT_DIVERGE;
	session.stats->explained += verdict->kind == VERDICT_EXPLAINED;
	session.stats->flaky += verdict->kind == VERDICT_FLAKY;
	for (size_t row = 0; row < ERRATA; row++) {
		if (!(verdict->rows >> row & 1))
			continue;
		session.stats->row_agree[row] += verdict->kind == VERDICT_AGREE;
		session.stats->row_differ[row] += verdict->kind !=
						  VERDICT_AGREE;
	}
}

static const char *folder_of(enum verdict_kind kind)
{
	if (kind == VERDICT_FLAKY)
		return session.flaky;
	return kind == VERDICT_EXPLAINED ? session.explained : session.findings;
}

static void act_on(struct verdict *verdict)
{
	count(verdict);
	if (verdict->kind == VERDICT_AGREE)
		return;
	if (session.out) {
		keep(verdict, folder_of(verdict->kind));
		return;
	}
	if (verdict->kind != VERDICT_DIVERGE)
		return;
	report_write(stderr, &scenario, verdict, &session.about);
	abort();
}

/* What the kernel logged about itself is a finding like any other. */
static void watch_kernel(void)
{
	struct verdict verdict = { .kind = VERDICT_DIVERGE };
	struct complaint complaint;

	if (!guard_complaint(&session.guard, &complaint))
		return;
	snprintf(verdict.signature, sizeof(verdict.signature), "kernel: %s",
		 complaint.line);
	verdict.step = (uint32_t)scenario.nr_ops;
	verdict.cause = verdict.step;
	session.about.kernel_log = complaint.text;
	act_on(&verdict);
	session.about.kernel_log = NULL;
}

/* FNV-1a. */
static uint32_t hash_of(const uint8_t *bytes, size_t len)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x01000193u;
	return hash >> 8;
}

/* Is the scenario not to be run here? Then that is counted, and nothing else. */
static bool is_refused(const uint8_t *bytes, size_t len)
{
	struct kvmdrv_reason reason;
	enum danger danger = danger_check(&reason, &session.limits, &scenario);

	if (danger == DANGER_KERNEL && session.dangerous)
		danger = DANGER_NONE;
	if (danger == DANGER_NONE && !session.dangerous && session.out &&
	    danger_log_lines(&scenario) && hash_of(bytes, len) % LOGGED_ONE_IN)
		danger = DANGER_LOG;
	session.stats->refused[danger] += danger != DANGER_NONE;
	return danger != DANGER_NONE;
}

void session_stop_counting(void)
{
	if (__afl_coverage_off)
		__afl_coverage_off();
}

void session_compare(const uint8_t *bytes, size_t len)
{
	struct verdict verdict;
	int error;

	scenario_decode(&scenario, bytes, len);
	if (is_refused(bytes, len))
		return;
	error = guard_keep(&session.guard, bytes, len);
	if (error) {
		fprintf(stderr, "HARNESS: %s: %s\n", session.running,
			strerror(-error));
		end(EXIT_HARNESS);
	}
	oracle_examine(&verdict, &sides, &scenario, &work);
	session_stop_counting();
	watch_kernel();
	act_on(&verdict);
	/* AFL++ ends a process that waits for an input by SIGKILL. */
	if (__afl_coverage_off)
		guard_rest(&session.guard);
}

void session_use_twins(void)
{
	struct twin_kind kind;

	if (session.twin && !twin_parse(&kind, session.twin)) {
		fprintf(stderr, "--twin: unknown kind '%s'\n", session.twin);
		end(EXIT_USAGE);
	}
	twin_sides(&sides);
	session.about.print_more = twin_sides_print;
	session.about.again = session.again;
}

/* Equal inputs have equal twins. */
static struct twin_kind kind_for(const uint8_t *bytes, size_t len)
{
	struct twin_kind kind;

	if (session.twin && twin_parse(&kind, session.twin))
		return kind;
	return twin_kind_of(hash_of(bytes, len) % TWIN_KINDS);
}

void session_compare_twin(const uint8_t *bytes, size_t len)
{
	struct twin_kind kind = kind_for(bytes, len);
	char name[TWIN_NAME_MAX];

	twin_name(name, kind);
	snprintf(session.again, sizeof(session.again), " --twin=%s", name);
	twin_sides_use(&sides, kind);
	session_compare(bytes, len);
}
