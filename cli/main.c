/* kvmerrata VERB: finds the verb and hands over. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "scenario/check.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	bool in_lab; /* is to be had without a KVM of one's own */
	const char *does;
} verbs[] = {
	{ "doctor", verb_doctor, false, "what this host offers and lacks" },
	{ "fuzz", verb_fuzz, true,
	  "random scenarios on the model and on real VMs" },
	{ "run", verb_run, true, "replay scenarios or raw inputs" },
	{ "minimize", verb_minimize, true,
	  "the smallest scenario with the same signature" },
	{ "regress", verb_regress, true,
	  "corpora replayed, as TAP, JUnit or JSON" },
	{ "record", verb_record, true,
	  "what this host shows of a corpus, in a file" },
	{ "compare", verb_compare, false,
	  "what changed between two recordings" },
	{ "fingerprint", verb_fingerprint, true, "the errata of this host" },
	{ "explain", verb_explain, false, "one erratum, and what tells it" },
	{ "emit-c", verb_emit_c, false, "a C program from a scenario" },
	{ "convert", verb_convert, false, "scenario text to bytes and back" },
	{ "report", verb_report, false,
	  "findings as mails to maintainers, or as one page" },
	{ "bench", verb_bench, false, "how fast the parts are, side by side" },
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
	fputs("  lab          any verb on other kernels and vendors, in "
	      "software\n"
	      "  test         all tests (both of the launcher: ./kvmerrata)\n"
	      "\n`kvmerrata VERB --help` tells its options.\n"
	      "Exit status: 0 agreement or success, 1 divergence or failed "
	      "test, 2 bad usage\nor input, 3 the host or the harness failed, "
	      "4 skipped: nothing to test with.\n",
	      out);
}

static void print_quoted(const char *word)
{
	if (!word[strcspn(word, " \t\n'\"\\\\$`&|;<>()*?[]#~!{}")]) {
		fprintf(stderr, " %s", word);
		return;
	}
	fputs(" '", stderr);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, 0 }, stderr);
	fputc('\'', stderr);
}

/* The same where no KVM is needed; the device is not said. */
static void suggest_lab(const char *verb, int argc, char **argv)
{
	fprintf(stderr,
		"Without a KVM here, in software: "
		"./kvmerrata lab run -- %s",
		verb);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--kvm") || !strcmp(argv[i], "-k"))
			i++;
		else if (strncmp(argv[i], "--kvm=", 6) != 0 &&
			 strncmp(argv[i], "-k", 2) != 0)
			print_quoted(argv[i]);
	}
	fputc('\n', stderr);
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
	int status;

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
		status = finish(verbs[i].run(argc - 1, argv + 1));
		if (status == EXIT_SKIP && verbs[i].in_lab)
			suggest_lab(verbs[i].name, argc - 1, argv + 1);
		return status;
	}
	fprintf(stderr, "kvmerrata: unknown verb '%s'\n\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
