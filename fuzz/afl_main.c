/*
 * AFL++'s entry to a fuzz target: what libFuzzer's own main is to the others.
 * Compiled by afl-clang-fast, whose macros these are. Inputs come in shared
 * memory. Where no AFL++ is at the other end, the input is read from standard
 * input and runs once.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fuzz/session.h"

/* Then a process ends and AFL++ starts another, so that no leak lasts. */
enum { RUNS_OF_A_PROCESS = 10000 };

__AFL_COVERAGE();
__AFL_FUZZ_INIT();

int main(int argc, char **argv)
{
	const uint8_t *bytes;

	/* Here AFL++ forks. A VM belongs to the process that made it. */
	__AFL_INIT();
	/* It stops itself between inputs, and would stay so for ever. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	session_without_run();
	LLVMFuzzerInitialize(&argc, &argv);
	bytes = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(RUNS_OF_A_PROCESS)) {
		/* Not twice: without AFL++ it reads. */
		size_t len = (size_t)__AFL_FUZZ_TESTCASE_LEN;

		LLVMFuzzerTestOneInput(bytes, len);
		/* The target may have turned it off. */
		__AFL_COVERAGE_ON();
	}
	return 0;
}
