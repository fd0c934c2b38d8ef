/* kvmerrata convert: scenario text to bytes and back. */
#include "cli/one_file.h"
#include "scenario/twin.h"

struct arguments {
	struct one_file file;
	bool twin;
	struct twin_kind kind;
};

static const struct argp_option options[] = {
	{ "twin", 't', "KIND", 0,
	  "text of the scenario with its bystanders of this KIND, such as "
	  "x2apic-late, among its vCPUs",
	  0 },
	{ 0 },
};

static const struct argp_child children[] = {
	{ &one_file_argp, 0, NULL, 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->file;
		break;
	case 't':
		arguments->twin = true;
		if (!twin_parse(&arguments->kind, value))
			argp_error(state, "no bystanders '%s'", value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* False after a message: there is none of that kind. */
static bool add_bystanders(struct scenario *s,
			   const struct arguments *arguments)
{
	static struct twin twin;

	if (!twin_make(&twin, s, arguments->kind)) {
		fprintf(stderr, "%s:1:1: it has no twin of this kind\n",
			arguments->file.input);
		return false;
	}
	*s = twin.scenario;
	return true;
}

int verb_convert(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FILE",
		"A scenario in text becomes bytes, bytes become text; with "
		"--twin either becomes text of what runs beside bystanders.",
		children,
		NULL,
		NULL,
	};
	static struct scenario scenario;
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	struct arguments arguments = { 0 };
	struct output out;
	bool is_text;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!input_read(&scenario, arguments.file.input, arguments.file.form,
			&is_text))
		return EXIT_USAGE;
	if (arguments.twin && !add_bystanders(&scenario, &arguments))
		return EXIT_USAGE;
	if (!output_open(&out, arguments.file.output))
		return EXIT_HARNESS;
	if (is_text && !arguments.twin)
		fwrite(bytes, 1,
		       scenario_encode(bytes, sizeof(bytes), &scenario),
		       out.file);
	else
		scenario_print(out.file, &scenario);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}
