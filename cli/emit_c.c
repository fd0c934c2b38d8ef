/* kvmerrata emit-c: a C program that does what a scenario does, and compares. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/emit.h"
#include "cli/one_file.h"
#include "cli/sides.h"

struct arguments {
	struct one_file file;
	const char *against;
	const char *device;
	enum emit_style style;
};

static const struct argp_option options[] = {
	OPTION_AGAINST,
	{ "style", 's', "STYLE", 0,
	  "plain (default): expected and got of each check; or selftest: KTAP, "
	  "an assertion a line",
	  0 },
	OPTION_KVM,
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
	case 'a':
		arguments->against = value;
		break;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->file;
		break;
	case 's':
		if (!strcmp(value, "selftest"))
			arguments->style = EMIT_SELFTEST;
		else if (strcmp(value, "plain") != 0)
			argp_error(state, "no style '%s': plain or selftest",
				   value);
		break;
	case 'k':
		arguments->device = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* What this host does, where it can be told; otherwise why it is not. */
static void run_here(struct emission *e, struct emit_about *about,
		     struct sides *sides, struct oracle_workspace *work)
{
	static struct kvmdrv_reason reason;
	static struct verdict verdict;

	about->not_run = reason.text;
	if (!sides->drv) {
		reason = sides->reason;
		return;
	}
	if (sides_refuse(&reason, sides, e->scenario, false) != DANGER_NONE)
		return;
	oracle_examine(&verdict, &sides->oracle, e->scenario, work);
	about->verdict = &verdict;
	kvmdrv_run(sides->drv, &work->got, e->scenario, SCHEDULE_FRESH);
	e->got = &work->got;
}

bool emit_prepare(struct emission *e, struct emit_about *about,
		  struct sides *sides)
{
	static struct oracle_workspace work;

	about->sides = &sides->oracle;
	if (!emit_expect(e, &sides->oracle, &work.expected))
		return false;
	run_here(e, about, sides, &work);
	return true;
}

static int write_program(const struct arguments *arguments, struct emission *e,
			 const struct emit_about *about)
{
	struct output out;

	if (!output_open(&out, arguments->file.output))
		return EXIT_HARNESS;
	emit_program(out.file, e, about);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

static int emit(const struct arguments *arguments, struct sides *sides,
		const struct scenario *s, bool is_text)
{
	static struct emission e;
	static char text[1 << 14];
	char set[128];
	struct emit_about about = { .path = arguments->file.input,
				    .text = text,
				    .device = arguments->device,
				    .options = set,
				    .host = sides->host.line };

	snprintf(set, sizeof(set), " --against=%s%s", arguments->against,
		 arguments->style == EMIT_SELFTEST ? " --style=selftest" : "");
	if (is_text)
		input_text(text, sizeof(text), arguments->file.input);
	e.scenario = s;
	e.style = arguments->style;
	sides_try_open(sides, arguments->device);
	if (!emit_prepare(&e, &about, sides)) {
		fprintf(stderr,
			"%s:1:1: the manuals leave more than %d outcomes "
			"open\n",
			arguments->file.input, OUTCOMES_MAX);
		return EXIT_USAGE;
	}
	return write_program(arguments, &e, &about);
}

int verb_emit_c(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FILE",
		"Writes a C program that does what a scenario does, with KVM's "
		"ioctls by their names, and compares what it sees with what is "
		"expected: for people who do not have this command.\v"
		"The program needs the kernel's headers only. Its exit status "
		"is 0 when all is as expected, 1 when something differs, 4 "
		"when that cannot be tested.",
		children,
		NULL,
		NULL,
	};
	static struct scenario scenario;
	struct arguments arguments = { .against = "documented",
				       .device = KVMDRV_DEVICE };
	static struct sides sides;
	int status;
	bool is_text;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = sides_against(&sides, arguments.against, arguments.device);
	if (status != EXIT_AGREE)
		return status;
	if (!input_read(&scenario, arguments.file.input, arguments.file.form,
			&is_text))
		return EXIT_USAGE;
	status = emit(&arguments, &sides, &scenario, is_text);
	sides_close(&sides);
	return status;
}
