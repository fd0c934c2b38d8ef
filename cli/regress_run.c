/*
 * The tests of `regress`, in processes of their own, so that one that hangs or
 * takes its process with it is one test that failed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/regress.h"
#include "oracle/explain.h"
#include "scenario/check.h"

enum { POLL_MS = 100 };

/* A process. .test and .start are written by it. */
struct worker {
	pid_t pid; /* 0: none */
	bool killed;
	size_t test; /* the one that runs; nr_tests: none */
	double start;
};

/* What the processes share. */
struct shared {
	size_t next; /* the test that nobody has taken yet */
	bool *ended;
	struct worker *workers;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct oracle_workspace work;

static void fail(struct result *out, struct regress *r,
		 const struct scenario *s, const struct verdict *v)
{
	struct report_about about;
	FILE *file;

	out->outcome = TEST_FAIL;
	snprintf(out->what, sizeof(out->what), "%s", v->signature);
	snprintf(out->verdict, sizeof(out->verdict), "%s",
		 verdict_name(v->kind));
	sides_about(&about, r->sides, r->options);
	file = fmemopen(out->report, sizeof(out->report) - 1, "w");
	CHECK(file);
	report_write(file, s, v, &about);
	fclose(file);
}

/* Of the rows of a set, those that decided something. */
static void name_rows(struct result *out, const struct oracle_sides *documents,
		      const struct verdict *v)
{
	struct errata rows = documents->switchable;

	if (v->kind == VERDICT_EXPLAINED)
		rows = v->explanations[0];
	explanation_text(out->what, sizeof(out->what), &rows,
			 &documents->errata, documents->row_name);
}

/*
 * First by what is known of the host: what differs from that is a failure.
 * What does not, but differs from the documents, is explained by what is known.
 */
static void judge(struct result *out, struct regress *r,
		  const struct scenario *s)
{
	const struct oracle_sides *known = &r->sides->oracle;
	struct oracle_sides documents = *known;
	const char *unknown;
	struct verdict verdict;

	oracle_examine(&verdict, known, s, &work);
	if (verdict.kind != VERDICT_AGREE) {
		fail(out, r, s, &verdict);
		return;
	}
	CHECK(errata_parse(&documents.errata, &unknown, "documented"));
	documents.switchable.set &= known->errata.set ^ documents.errata.set;
	documents.usual = known->errata;
	oracle_examine(&verdict, &documents, s, &work);
	if (verdict.kind == VERDICT_FLAKY) {
		fail(out, r, s, &verdict);
		return;
	}
	out->outcome = TEST_PASS;
	if (verdict.kind == VERDICT_AGREE)
		return;
	out->outcome = TEST_XFAIL;
	name_rows(out, &documents, &verdict);
}

static void run_test(struct regress *r, size_t test)
{
	const struct scenario *s = &r->tests[test].scenario;
	struct result *out = &r->results[test];
	struct kvmdrv_reason reason;
	double start = now();
	enum danger danger;

	danger = sides_refuse(&reason, r->sides, s, r->options->dangerous);
	if (danger == DANGER_NONE) {
		judge(out, r, s);
	} else {
		out->outcome = TEST_SKIP;
		snprintf(out->what, sizeof(out->what), "%s%s", reason.text,
			 danger == DANGER_KERNEL ? "; --dangerous runs it" :
						   "");
	}
	out->seconds = now() - start;
}

/* The process of @me. It says on @told that a test has ended. */
static _Noreturn void serve(struct regress *r, struct shared *shared,
			    struct worker *me, int told)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sides_open(r->sides, r->options->device) != EXIT_AGREE)
		_exit(EXIT_HARNESS);
	for (;;) {
		size_t test =
			__atomic_fetch_add(&shared->next, 1, __ATOMIC_SEQ_CST);

		if (test >= r->nr_tests)
			break;
		me->start = now();
		me->test = test;
		run_test(r, test);
		me->test = r->nr_tests;
		__atomic_store_n(&shared->ended[test], true, __ATOMIC_SEQ_CST);
		while (write(told, "", 1) < 0 && errno == EINTR)
			;
	}
	sides_close(r->sides);
	_exit(EXIT_AGREE);
}

static void start_worker(struct regress *r, struct shared *shared,
			 struct worker *worker, const int told[2])
{
	pid_t pid;

	*worker = (struct worker){ .test = r->nr_tests };
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(told[0]);
		serve(r, shared, worker, told[1]);
	}
	if (pid < 0)
		perror("HARNESS: no process");
	else
		worker->pid = pid;
}

/* What the worker was running is how it ended. */
static void blame(struct regress *r, struct shared *shared,
		  const struct worker *worker, int status)
{
	struct result *result = &r->results[worker->test];

	result->seconds = now() - worker->start;
	result->outcome = worker->killed ? TEST_TIMEOUT : TEST_ERROR;
	if (worker->killed)
		snprintf(result->what, sizeof(result->what), "%u s",
			 r->timeout);
	else if (WIFSIGNALED(status))
		snprintf(result->what, sizeof(result->what),
			 "its process ended by signal %d", WTERMSIG(status));
	else
		snprintf(result->what, sizeof(result->what),
			 "its process ended with status %d",
			 WEXITSTATUS(status));
	shared->ended[worker->test] = true;
}

/* Those that have ended, and those that take too long. False: no more run. */
static bool look_after(struct regress *r, struct shared *shared,
		       const int told[2])
{
	bool any = false;
	int status;

	for (unsigned int i = 0; i < r->jobs; i++) {
		struct worker *worker = &shared->workers[i];

		if (!worker->pid)
			continue;
		any = true;
		if (worker->test < r->nr_tests && !worker->killed &&
		    now() - worker->start > r->timeout) {
			worker->killed = true;
			kill(worker->pid, SIGKILL);
		}
		if (waitpid(worker->pid, &status, WNOHANG) != worker->pid)
			continue;
		worker->pid = 0;
		if (worker->test >= r->nr_tests)
			continue;
		blame(r, shared, worker, status);
		if (shared->next < r->nr_tests)
			start_worker(r, shared, worker, told);
	}
	return any;
}

static void wait_for_news(int told)
{
	struct pollfd news = { .fd = told, .events = POLLIN };
	char bytes[256];

	if (poll(&news, 1, POLL_MS) > 0 &&
	    read(told, bytes, sizeof(bytes)) < 0 && errno != EINTR)
		CHECK(!"a pipe of our own");
}

/* What nobody came to, because no process could open the device. */
static void give_up(struct regress *r, struct shared *shared)
{
	for (size_t i = 0; i < r->nr_tests; i++) {
		if (shared->ended[i])
			continue;
		r->results[i].outcome = TEST_ERROR;
		snprintf(r->results[i].what, WHAT_MAX, "no process ran it");
		shared->ended[i] = true;
	}
}

static void *share(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory_there(shared == MAP_FAILED ? NULL : shared);
}

enum exit_status regress_run(struct regress *r,
			     void (*ended)(struct regress *r, size_t test))
{
	struct shared *shared = share(sizeof(*shared));
	size_t said = 0;
	int told[2];

	shared->ended = share((r->nr_tests + 1) * sizeof(bool));
	shared->workers = share(r->jobs * sizeof(struct worker));
	if (pipe(told) != 0) {
		perror("HARNESS: no pipe");
		return EXIT_HARNESS;
	}
	for (unsigned int i = 0; i < r->jobs && i < r->nr_tests; i++)
		start_worker(r, shared, &shared->workers[i], told);
	while (said < r->nr_tests) {
		if (!look_after(r, shared, told))
			give_up(r, shared);
		else
			wait_for_news(told[0]);
		while (said < r->nr_tests && shared->ended[said])
			ended(r, said++);
	}
	for (unsigned int i = 0; i < r->jobs; i++)
		if (shared->workers[i].pid)
			waitpid(shared->workers[i].pid, NULL, 0);
	close(told[0]);
	close(told[1]);
	return EXIT_AGREE;
}
