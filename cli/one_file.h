/* Private to cli/: verbs that take one FILE and have one output. */
#ifndef CLI_ONE_FILE_H
#define CLI_ONE_FILE_H

#include <argp.h>

#include "cli/cli.h"

struct one_file {
	const char *input;
	const char *output; /* NULL: standard output */
	enum input_form form;
};

/*
 * FILE and the options --output and --bytes, a child of a verb's argp whose
 * input is a struct one_file.
 */
extern const struct argp one_file_argp;

#endif
