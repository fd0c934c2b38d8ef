/*
 * The engine of a regression test: runs a target over the files that it is
 * given, once each, and reports in TAP. A target that has nothing to run on
 * ends with status 4, and that is a skip, unless KVMERRATA_REQUIRE_KVM is set.
 *
 * What a host's KVM answers to the corpus is that host's affair, so divergences
 * are kept in the test's own folder; crashes and broken invariants are ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/session.h"
#include "scenario/scenario.h"

enum { EXIT_SKIP = 4 };

/* False: the file cannot be read. */
static bool replay_file(const char *path)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	FILE *in = fopen(path, "rb");
	size_t len;
	bool good;

	if (!in)
		return false;
	len = fread(bytes, 1, sizeof(bytes), in);
	good = !ferror(in);
	fclose(in);
	return good && LLVMFuzzerTestOneInput(bytes, len) == 0;
}

/* In a process of its own: the target aborts where it finds something. */
static int run_all(int argc, char **argv)
{
	const char *tmp = getenv("TEST_TMPDIR");
	char name[] = "replay", out[4096];
	char *list[] = { name, out, NULL };
	char **options = list;
	int status, nr_options = tmp ? 2 : 1;
	pid_t pid = fork();

	snprintf(out, sizeof(out), "--out=%s", tmp ? tmp : "");

	if (pid < 0)
		return EXIT_FAILURE;
	if (pid > 0) {
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return EXIT_FAILURE;
		return WEXITSTATUS(status);
	}
	LLVMFuzzerInitialize(&nr_options, &options);
	for (int i = 1; i < argc; i++) {
		if (replay_file(argv[i]))
			continue;
		fprintf(stderr, "%s: failed\n", argv[i]);
		exit(EXIT_FAILURE);
	}
	exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') + 1;
	int status = run_all(argc, argv);

	printf("1..1\n");
	if (status == EXIT_SKIP && !getenv("KVMERRATA_REQUIRE_KVM")) {
		printf("ok 1 - replay of %s # SKIP no usable KVM\n", name);
		return EXIT_SUCCESS;
	}
	printf("%s 1 - replay of %s: %d inputs\n", status ? "not ok" : "ok",
	       name, argc - 1);
	return status;
}
