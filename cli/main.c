/* kvmerrata VERB: finds the verb and hands over. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "scenario/check.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} verbs[] = {
	{ "doctor", verb_doctor, "what this host offers and lacks" },
	{ "fuzz", verb_fuzz, "random scenarios on the model and on real VMs" },
	{ "run", verb_run, "replay scenarios or raw inputs" },
	{ "fingerprint", verb_fingerprint, "the errata of this host" },
	{ "explain", verb_explain, "one erratum, and what tells it" },
	{ "convert", verb_convert, "scenario text to bytes and back" },
	{ "bench", verb_bench, "how fast the parts are, side by side" },
};

enum exit_status exit_status_worse(enum exit_status a, enum exit_status b)
{
	static const int badness[] = {
		[EXIT_AGREE] = 0, [EXIT_SKIP] = 1,    [EXIT_DIVERGE] = 2,
		[EXIT_USAGE] = 3, [EXIT_HARNESS] = 4,
	};

	return badness[a] < badness[b] ? b : a;
}

static void usage(FILE *out)
{
	fputs("Usage: kvmerrata VERB [OPTION...] [FILE...]\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].does);
	fputs("  test         all tests (of the launcher: ./kvmerrata test)\n"
	      "\n`kvmerrata VERB --help` tells its options.\n"
	      "Exit status: 0 agreement or success, 1 divergence or failed "
	      "test, 2 bad usage\nor input, 3 the host or the harness failed, "
	      "4 skipped: nothing to test with.\n",
	      out);
}

/* Results that did not arrive are a failure, whatever they were. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("kvmerrata: cannot write to standard output");
	return EXIT_HARNESS;
}

int main(int argc, char **argv)
{
	char name[64];

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_AGREE;
	}
	argp_err_exit_status = EXIT_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "kvmerrata %s", argv[1]);
		argv[1] = name;
		return finish(verbs[i].run(argc - 1, argv + 1));
	}
	fprintf(stderr, "kvmerrata: unknown verb '%s'\n\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
