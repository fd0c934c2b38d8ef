/* kvmerrata run: replay scenarios or raw inputs, and say what differs. */
#include <argp.h>
#include <limits.h>
#include <string.h>

#include "cli/cli.h"
#include "kvmdrv/host.h"

enum { FILES_MAX = 4096 };

struct arguments {
	const char *against;
	const char *device;
	enum input_form form;
	bool bless;
	bool model_only;
	size_t nr_files;
	const char *files[FILES_MAX];
};

static const struct argp_option options[] = {
	OPTION_AGAINST,
	OPTION_BYTES,
	{ "bless", 'B', NULL, 0,
	  "run nothing: write what the model says beside each FILE.scn, as "
	  "FILE.obs",
	  0 },
	{ "model", 'm', NULL, 0, "run nothing: print what the model says", 0 },
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->against = value;
		break;
	case 'b':
		arguments->form = INPUT_BYTES;
		break;
	case 'B':
		arguments->bless = true;
		break;
	case 'm':
		arguments->model_only = true;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		if (arguments->nr_files == FILES_MAX)
			argp_error(state, "more than %d FILEs", FILES_MAX);
		arguments->files[arguments->nr_files++] = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which FILE?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void print_model(FILE *out, const struct sides *sides,
			const struct scenario *s)
{
	static struct expectation expected;
	const struct model_setup setup = { .errata = sides->oracle.errata };

	model_run(&expected, s, &setup);
	expectation_print(out, &expected, s);
}

/* FILE.scn -> FILE.obs. */
static enum exit_status bless(const char *path, const struct sides *sides,
			      const struct scenario *s)
{
	size_t len = strlen(path);
	char name[PATH_MAX];
	struct output out;

	if (len < 4 || strcmp(path + len - 4, ".scn") != 0 ||
	    len >= sizeof(name)) {
		fprintf(stderr, "%s:1:1: only a .scn file can be blessed\n",
			path);
		return EXIT_USAGE;
	}
	memcpy(name, path, len + 1);
	memcpy(name + len - 4, ".obs", 4);
	if (!output_open(&out, name))
		return EXIT_HARNESS;
	print_model(out.file, sides, s);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

static enum exit_status compare(const struct arguments *arguments,
				struct sides *sides, const struct scenario *s)
{
	static struct oracle_workspace work;
	struct report_about about = { .sides = &sides->oracle,
				      .against = arguments->against };
	struct verdict verdict;
	struct host host;

	host_describe(&host);
	about.host = host.line;
	oracle_examine(&verdict, &sides->oracle, s, &work);
	report_write(stdout, s, &verdict, &about);
	return verdict.kind == VERDICT_AGREE ? EXIT_AGREE : EXIT_DIVERGE;
}

static enum exit_status run_file(const struct arguments *arguments,
				 const char *path, struct sides *sides)
{
	static struct scenario scenario;
	bool is_text;

	if (!input_read(&scenario, path, arguments->form, &is_text))
		return EXIT_USAGE;
	if (arguments->bless)
		return bless(path, sides, &scenario);
	printf("# %s\n", path);
	if (arguments->model_only) {
		print_model(stdout, sides, &scenario);
		return EXIT_AGREE;
	}
	return compare(arguments, sides, &scenario);
}

int verb_run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FILE...",
		"Runs each scenario on the model and on a real VM. Prints a "
		"report that is a scenario itself; exit status 1 if any "
		"differs.",
		NULL,
		NULL,
		NULL,
	};
	static struct arguments arguments = { .against = "documented",
					      .device = KVMDRV_DEVICE };
	enum exit_status status = EXIT_AGREE;
	struct sides sides;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = sides_against(&sides, arguments.against, arguments.device);
	if (status != EXIT_AGREE)
		return status;
	if (!arguments.bless && !arguments.model_only)
		status = sides_open(&sides, arguments.device);
	for (size_t i = 0; i < arguments.nr_files; i++) {
		enum exit_status one;

		if (status == EXIT_SKIP || status == EXIT_USAGE)
			break;
		one = run_file(&arguments, arguments.files[i], &sides);
		if (one > status)
			status = one;
	}
	if (sides.drv)
		kvmdrv_close(sides.drv);
	return status;
}
