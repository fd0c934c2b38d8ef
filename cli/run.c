/* kvmerrata run: replay scenarios or raw inputs, and say what differs. */
#include <limits.h>
#include <string.h>

#include "cli/sides.h"

enum { FILES_MAX = 4096 };

struct arguments {
	struct sides_options sides;
	enum input_form form;
	bool bless;
	bool model_only;
	bool twins;
	const char *twin; /* its kind; NULL: all of them */
	size_t nr_files;
	const char *files[FILES_MAX];
};

static const struct argp_option options[] = {
	OPTION_BYTES,
	{ "bless", 'B', NULL, 0,
	  "run nothing: write what the model says beside each FILE.scn, as "
	  "FILE.obs",
	  0 },
	{ "model", 'm', NULL, 0, "run nothing: print what the model says", 0 },
	{ "twin", 't', "KIND", OPTION_ARG_OPTIONAL,
	  "compare the host with itself: each scenario alone, and beside "
	  "bystanders of this KIND (such as aliased-late; default: of all)",
	  0 },
	{ 0 },
};

static const struct argp_child children[] = {
	{ &sides_argp, 0, NULL, 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct twin_kind kind;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sides;
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
	case 't':
		arguments->twins = true;
		arguments->twin = value;
		if (value && !twin_parse(&kind, value))
			argp_error(state, "no bystanders '%s'", value);
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
	struct report_about about;
	struct verdict verdict;

	sides_about(&about, sides, &arguments->sides);
	oracle_examine(&verdict, &sides->oracle, s, &work);
	report_write(stdout, s, &verdict, &about);
	return verdict.kind == VERDICT_AGREE ? EXIT_AGREE : EXIT_DIVERGE;
}

/* Of bystanders that change nothing there is little to say. */
static enum exit_status compare_twin(const struct arguments *arguments,
				     struct sides *sides,
				     const struct scenario *s,
				     struct twin_kind kind)
{
	static struct oracle_workspace work;
	struct report_about about;
	struct verdict verdict;
	char name[TWIN_NAME_MAX];

	sides_about(&about, sides, &arguments->sides);
	sides_use_twin(sides, &about, kind);
	twin_name(name, kind);
	oracle_examine(&verdict, &sides->oracle, s, &work);
	if (verdict.kind == VERDICT_AGREE)
		printf("# %s: AGREE\n", name);
	else
		report_write(stdout, s, &verdict, &about);
	return verdict.kind == VERDICT_AGREE ? EXIT_AGREE : EXIT_DIVERGE;
}

static enum exit_status compare_twins(const struct arguments *arguments,
				      struct sides *sides,
				      const struct scenario *s)
{
	enum exit_status status = EXIT_AGREE;
	struct twin_kind kind;

	if (arguments->twin && twin_parse(&kind, arguments->twin))
		return compare_twin(arguments, sides, s, kind);
	for (uint32_t i = 0; i < TWIN_KINDS; i++)
		if (compare_twin(arguments, sides, s, twin_kind_of(i)) !=
		    EXIT_AGREE)
			status = EXIT_DIVERGE;
	return status;
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
	if (sides_skip(sides, &arguments->sides, path, &scenario))
		return EXIT_SKIP;
	if (arguments->twins)
		return compare_twins(arguments, sides, &scenario);
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
		children,
		NULL,
		NULL,
	};
	static struct arguments arguments = { .sides = SIDES_DEFAULTS };
	enum exit_status status = EXIT_AGREE;
	static struct sides sides;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = sides_choose(&sides, &arguments.sides);
	if (status != EXIT_AGREE)
		return status;
	if (!arguments.bless && !arguments.model_only)
		status = sides_open(&sides, arguments.sides.device);
	if (arguments.twins)
		sides_twins(&sides);
	for (size_t i = 0; i < arguments.nr_files; i++) {
		enum exit_status one;

		/* No KVM, or a file that cannot be read. */
		if (status == EXIT_USAGE ||
		    (status == EXIT_SKIP && !sides.drv && !sides.host_is_model))
			break;
		one = run_file(&arguments, arguments.files[i], &sides);
		status = exit_status_worse(status, one);
	}
	sides_close(&sides);
	return status;
}
