/* Private to the verb `regress`: its tests, who runs them, and how they print. */
#ifndef CLI_REGRESS_H
#define CLI_REGRESS_H

#include "cli/sides.h"

enum test_outcome {
	TEST_PASS,  /* as the documents say */
	TEST_XFAIL, /* differs from them as is known of the host */
	TEST_FAIL,
	TEST_SKIP,    /* cannot run here */
	TEST_TIMEOUT, /* did not end, and was killed */
	TEST_ERROR,   /* what ran it failed */
	TEST_OUTCOMES
};

enum { WHAT_MAX = 512, REPORT_MAX = 8192 };

struct result {
	enum test_outcome outcome;
	double seconds;
	/* XFAIL: the rows; SKIP and ERROR: why; FAIL: the signature. */
	char what[WHAT_MAX];
	char verdict[16];	 /* FAIL: DIVERGE, EXPLAINED or FLAKY */
	char report[REPORT_MAX]; /* FAIL: as `run` prints it, or its start */
};

struct regress_test {
	const char *name;
	struct scenario scenario;
};

struct regress {
	const struct sides_options *options;
	struct sides *sides;  /* .oracle.errata: what is known of the host */
	char known[PATH_MAX]; /* the same by its rows */
	unsigned int jobs;
	unsigned int timeout; /* seconds for a test */
	size_t nr_tests;
	struct regress_test *tests;
	struct result *results;	  /* shared with those who run them */
	size_t nr[TEST_OUTCOMES]; /* of those that have ended */
};

/* cli/regress_run.c */

/*
 * Run the tests in processes of their own, and call @ended for each, in order.
 * EXIT_HARNESS after a message: there are no processes to be had.
 */
enum exit_status regress_run(struct regress *r,
			     void (*ended)(struct regress *r, size_t test));

/* cli/regress_print.c: to stdout; *_test() in order, *_end() after all. */

struct regress_format {
	const char *name;
	void (*start)(struct regress *r);
	void (*test)(struct regress *r, size_t test);
	void (*end)(struct regress *r);
	bool at_once; /* says what there is while there is more to come */
};

/* tap, junit or json; NULL for any other name. */
const struct regress_format *regress_format(const char *name);

#endif
