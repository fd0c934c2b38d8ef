/* kvmerrata minimize: the smallest scenario with the same signature. */
#include <string.h>
#include <time.h>

#include "cli/one_file.h"
#include "cli/sides.h"
#include "cli/ticker.h"
#include "oracle/minimize.h"

/* What there is so far is written no more often than that, in seconds. */
enum { SAVE_PERIOD = 1 };

struct arguments {
	struct sides_options sides;
	struct one_file file;
	const char *twin; /* NULL: no bystanders */
};

static const struct argp_option options[] = {
	{ "twin", 't', "KIND", 0,
	  "the difference is one between the host alone and beside bystanders "
	  "of this KIND, as in `run`",
	  0 },
	{ 0 },
};

static const struct argp_child children[] = {
	{ &sides_argp, 0, NULL, 0 },
	{ &one_file_argp, 0, NULL, 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct twin_kind kind;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sides;
		state->child_inputs[1] = &arguments->file;
		break;
	case 't':
		arguments->twin = value;
		if (!twin_parse(&kind, value))
			argp_error(state, "no bystanders '%s'", value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* A run of this verb. */
struct run {
	const struct arguments *arguments;
	struct sides *sides;
	struct report_about about;
	struct ticker ticker;
	char what[96]; /* what the ticker counts */
	size_t nr_ops; /* at first, and now */
	size_t nr_left;
	size_t tried;
	time_t saved;
};

static bool may_run(void *context, const struct scenario *candidate)
{
	struct run *run = context;
	struct kvmdrv_reason reason;

	run->tried++;
	snprintf(run->what, sizeof(run->what), "ops left, %zu scenarios tried",
		 run->tried);
	ticker_show(&run->ticker, run->nr_left, run->nr_ops);
	return sides_refuse(&reason, run->sides, candidate,
			    run->arguments->sides.dangerous) == DANGER_NONE;
}

static bool save(const struct run *run, const struct scenario *s,
		 const struct verdict *v)
{
	struct output out;

	if (!output_open(&out, run->arguments->file.output))
		return false;
	report_write(out.file, s, v, &run->about);
	return output_commit(&out);
}

/*
 * Whatever ends the process, or the host, leaves the smallest one so far, or of
 * a second before. One that cannot be written is told, here and at the end.
 */
static void tell(void *context, const struct scenario *s,
		 const struct verdict *v)
{
	struct run *run = context;
	time_t now = time(NULL);

	run->nr_left = s->nr_ops;
	if (!run->arguments->file.output || now - run->saved < SAVE_PERIOD)
		return;
	run->saved = now;
	save(run, s, v);
}

static enum exit_status minimize(struct run *run, struct scenario *s)
{
	static struct oracle_workspace work;
	const struct minimize_task task = { .depth = MINIMIZE_FIELDS,
					    .may_run = may_run,
					    .tell = tell,
					    .context = run };
	const char *path = run->arguments->file.input;
	struct verdict verdict;

	oracle_examine(&verdict, &run->sides->oracle, s, &work);
	if (verdict.kind == VERDICT_AGREE || verdict.kind == VERDICT_FLAKY) {
		fprintf(stderr, "%s: nothing to minimize: %s\n", path,
			verdict.kind == VERDICT_AGREE ?
				"both sides agree" :
				"the difference did not repeat");
		return EXIT_DIVERGE;
	}
	run->nr_ops = s->nr_ops;
	run->nr_left = s->nr_ops;
	ticker_start(&run->ticker, run->what);
	oracle_minimize(s, &verdict, &run->sides->oracle, &task, &work);
	ticker_end(&run->ticker);
	fprintf(stderr, "%s: %zu of %zu ops left, %zu scenarios tried\n", path,
		s->nr_ops, run->nr_ops, run->tried);
	return save(run, s, &verdict) ? EXIT_AGREE : EXIT_HARNESS;
}

static enum exit_status start(const struct arguments *arguments,
			      struct sides *sides, struct scenario *s)
{
	struct run run = { .arguments = arguments, .sides = sides };
	struct twin_kind kind;

	sides_about(&run.about, sides, &arguments->sides);
	if (arguments->twin && twin_parse(&kind, arguments->twin)) {
		sides_twins(sides);
		sides_use_twin(sides, &run.about, kind);
	}
	if (sides_skip(sides, &arguments->sides, arguments->file.input, s))
		return EXIT_SKIP;
	return minimize(&run, s);
}

int verb_minimize(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FILE",
		"Makes a scenario on which both sides differ as small as it "
		"gets with the same signature: fewer ops and vCPUs, plainer "
		"fields. Exit status 1 if nothing differs. With "
		"--host=SET no KVM is needed.",
		children,
		NULL,
		NULL,
	};
	static struct arguments arguments = { .sides = SIDES_DEFAULTS };
	static struct scenario scenario;
	static struct sides sides;
	enum exit_status status;
	bool is_text;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!input_read(&scenario, arguments.file.input, arguments.file.form,
			&is_text))
		return EXIT_USAGE;
	status = sides_choose(&sides, &arguments.sides);
	if (status == EXIT_AGREE)
		status = sides_open(&sides, arguments.sides.device);
	if (status == EXIT_AGREE)
		status = start(&arguments, &sides, &scenario);
	sides_close(&sides);
	return status;
}
