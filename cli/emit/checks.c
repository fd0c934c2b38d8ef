/* Text, not code, as in includes.c: how checks are reported. */
/*%plain main AS_EXPECTED DIFFERS CANNOT_TEST */
enum { AS_EXPECTED = 0, DIFFERS = 1, CANNOT_TEST = 4 }; /* exit status */

static int nr_checks, nr_differ;

/*%plain report */
static void report(bool agrees, const char *what, const char *expected,
		   const char *got)
{
	nr_checks++;
	nr_differ += !agrees;
	printf("%s %s: expected %s, got %s\n", agrees ? "ok     " : "DIFFERS",
	       what, expected, got);
}

/*%plain not_promised */
/* Neither answer would be wrong. */
static void not_promised(const char *what, long long got)
{
	printf("-       %s: either way is right, got %lld\n", what, got);
}

/*%plain main */
static int finish(void)
{
	printf("%d of %d checks differ\n", nr_differ, nr_checks);
	return nr_differ ? DIFFERS : AS_EXPECTED;
}

/* What was seen to differ stays so. */
static _Noreturn void __attribute__((format(printf, 1, 2)))
cannot_test(const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	printf("cannot test: ");
	vprintf(reason, args);
	printf("\n");
	va_end(args);
	exit(nr_differ ? DIFFERS : CANNOT_TEST);
}

/*%selftest main */
/* As the kernel's selftests exit. */
enum { KSFT_PASS = 0, KSFT_FAIL = 1, KSFT_SKIP = 4 };

static int nr_planned, nr_checks, nr_failed;

/* KTAP: a header, how many assertions there are, and a line for each. */
static void plan(int nr)
{
	nr_planned = nr;
	printf("KTAP version 1\n1..%d\n", nr);
}

/*%selftest report */
static void report(bool agrees, const char *what, const char *expected,
		   const char *got)
{
	if (!agrees)
		printf("# expected %s, got %s\n", expected, got);
	nr_failed += !agrees;
	printf("%s %d %s\n", agrees ? "ok" : "not ok", ++nr_checks, what);
}

/*%selftest not_promised */
/* Neither answer would be wrong, so this asserts nothing. */
static void not_promised(const char *what, long long got)
{
	printf("# %s: either way is right, got %lld\n", what, got);
}

/*%selftest main */
static int finish(void)
{
	return nr_failed || nr_checks != nr_planned ? KSFT_FAIL : KSFT_PASS;
}

/* What failed before stays failed. */
static _Noreturn void __attribute__((format(printf, 1, 2)))
cannot_test(const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	printf(nr_planned ? "Bail out! " : "KTAP version 1\n1..0 # SKIP ");
	vprintf(reason, args);
	printf("\n");
	va_end(args);
	exit(nr_failed ? KSFT_FAIL : KSFT_SKIP);
}

/*% check check_bits */
/* Of what was seen only the bits in @mask count. */
static void check_bits(const char *what, uint64_t mask, uint64_t expected,
		       uint64_t got)
{
	char want[48], seen[24];

	snprintf(want, sizeof(want), "0x%llx", (unsigned long long)expected);
	if (mask != UINT64_MAX)
		snprintf(want, sizeof(want), "0x%llx in bits 0x%llx",
			 (unsigned long long)expected,
			 (unsigned long long)mask);
	snprintf(seen, sizeof(seen), "0x%llx", (unsigned long long)got);
	report((got & mask) == expected, what, want, seen);
}

/*% check */
static void check(const char *what, uint64_t expected, uint64_t got)
{
	check_bits(what, UINT64_MAX, expected, got);
}

/*% check_result check_refused check_outcome describe_result */
/* What a call returned: a number, or -errno. */
static void describe_result(char *out, size_t size, int result)
{
	if (result < 0)
		snprintf(out, size, "-1 (%s)", strerror(-result));
	else
		snprintf(out, size, "%d", result);
}

/*% check_result */
static void check_result(const char *what, int expected, int got)
{
	char want[80], seen[80];

	describe_result(want, sizeof(want), expected);
	describe_result(seen, sizeof(seen), got);
	report(got == expected, what, want, seen);
}

/*% check_refused */
/* By which error is open. */
static void check_refused(const char *what, int got)
{
	char seen[80];

	describe_result(seen, sizeof(seen), got);
	report(got <= 0, what, "that it is refused", seen);
}

/*% check_one_of check_state_one_of choice NR_OUTCOMES */
/*
 * The manuals leave open what happens: there are NR_OUTCOMES possibilities, of
 * which all of what is seen must fit one.
 */
struct choice {
	uint64_t expected;
	uint64_t mask; /* of the bits that count */
};

#define ALL_BITS UINT64_MAX

static uint64_t possible_outcomes = (1ull << (NR_OUTCOMES - 1) << 1) - 1;

static void check_one_of(const char *what,
			 const struct choice choices[NR_OUTCOMES], uint64_t got)
{
	char want[256] = "one of", seen[24];
	uint64_t fits = 0;
	size_t len;

	for (int i = 0; i < NR_OUTCOMES; i++) {
		const struct choice *choice = &choices[i];

		if (!(possible_outcomes >> i & 1))
			continue;
		if ((got & choice->mask) == choice->expected)
			fits |= 1ull << i;
		len = strlen(want);
		snprintf(want + len, sizeof(want) - len, " 0x%llx",
			 (unsigned long long)choice->expected);
	}
	snprintf(seen, sizeof(seen), "0x%llx", (unsigned long long)got);
	report(fits, what, want, seen);
	if (fits)
		possible_outcomes = fits;
}

/*% */
