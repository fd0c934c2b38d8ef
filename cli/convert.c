/* kvmerrata convert: scenario text to bytes and back. */
#include <argp.h>

#include "cli/cli.h"

struct arguments {
	const char *input;
	const char *output;
	enum input_form form;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "write to FILE, not to standard output",
	  0 },
	OPTION_BYTES,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = value;
		break;
	case 'b':
		arguments->form = INPUT_BYTES;
		break;
	case ARGP_KEY_ARG:
		if (arguments->input)
			argp_error(state, "one FILE at a time");
		arguments->input = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which FILE?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int verb_convert(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse,
		"FILE",	 "A scenario in text becomes bytes, bytes become text.",
		NULL,	 NULL,
		NULL,
	};
	static struct scenario scenario;
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	struct arguments arguments = { .form = INPUT_GUESS };
	struct output out;
	bool is_text;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!input_read(&scenario, arguments.input, arguments.form, &is_text))
		return EXIT_USAGE;
	if (!output_open(&out, arguments.output))
		return EXIT_HARNESS;
	if (is_text)
		fwrite(bytes, 1,
		       scenario_encode(bytes, sizeof(bytes), &scenario),
		       out.file);
	else
		scenario_print(out.file, &scenario);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}
