/*
 * AFL++'s entry to a fuzz target: what libFuzzer's own main is to the others.
 * Compiled by afl-clang-fast, whose macros these are. Inputs come in shared
 * memory. Where no AFL++ is at the other end, the input is read from standard
 * input and runs once.
 *
 * Between inputs AFL++ has a process stop itself. The target's must not: each
 * VM has a thread of KVM's in the process that made it, closing the VM waits
 * for that thread to end, and one that is stopped never does. So the process
 * that stops does nothing but pass on the word to another, the worker, which
 * writes to the same map of coverage.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/session.h"

/* Then both processes end and AFL++ has new ones, so that no leak lasts. */
enum { RUNS_OF_A_PROCESS = 10000 };

__AFL_COVERAGE();
__AFL_FUZZ_INIT();

/* Run the input that is there at every word from @peer, and answer it. */
static _Noreturn void work(int argc, char **argv, int peer)
{
	const uint8_t *bytes;
	char word = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	bytes = __AFL_FUZZ_TESTCASE_BUF;
	while (write(peer, &word, 1) == 1 && read(peer, &word, 1) == 1) {
		LLVMFuzzerTestOneInput(bytes, (size_t)__AFL_FUZZ_TESTCASE_LEN);
		/* The target may have turned it off. */
		__AFL_COVERAGE_ON();
	}
	exit(EXIT_SUCCESS);
}

/* End as the worker has. */
static _Noreturn void end_like(pid_t worker)
{
	int status;

	if (waitpid(worker, &status, 0) != worker)
		abort();
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	int ends[2];
	char word = 0;
	pid_t self, worker;

	/* Here AFL++ forks. A VM belongs to the process that made it. */
	__AFL_INIT();
	/* Nobody is left behind, stopped or not. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	self = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
	    (worker = fork()) < 0)
		abort();
	if (worker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(EXIT_SUCCESS);
		close(ends[0]);
		work(argc, argv, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &word, 1) != 1)
		end_like(worker);
	while (__AFL_LOOP(RUNS_OF_A_PROCESS))
		if (write(ends[0], &word, 1) != 1 ||
		    read(ends[0], &word, 1) != 1)
			end_like(worker);
	/* It has time to end well, and the next one finds things in order. */
	close(ends[0]);
	end_like(worker);
}
