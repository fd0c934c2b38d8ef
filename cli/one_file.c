/* A verb's one input, and where its output goes. */
#include "cli/one_file.h"

static const struct argp_option options[] = {
	{ "output", 'o', "OUT", 0, "write to OUT, not to standard output", 0 },
	OPTION_BYTES,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct one_file *file = state->input;

	switch (key) {
	case 'o':
		file->output = value;
		break;
	case 'b':
		file->form = INPUT_BYTES;
		break;
	case ARGP_KEY_ARG:
		if (file->input)
			argp_error(state, "one FILE at a time");
		file->input = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which FILE?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp one_file_argp = { .options = options, .parser = parse };
