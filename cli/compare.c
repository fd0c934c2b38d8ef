/* kvmerrata compare: what changed from one recording to another. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/comparison.h"
#include "cli/recorder.h"

struct arguments {
	const char *device;
	bool dangerous;
	enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_MD } format;
	size_t nr_files;
	const char *files[2];
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "text (default), json or md", 0 },
	OPTION_DANGEROUS,
	OPTION_KVM,
	{ 0 },
};

static bool is_host(const char *name)
{
	return !strcmp(name, "host");
}

static void parse_file(struct arguments *arguments, char *value,
		       struct argp_state *state)
{
	if (arguments->nr_files == 2)
		argp_error(state, "two recordings, not more");
	arguments->files[arguments->nr_files++] = value;
	if (arguments->nr_files == 2 && is_host(arguments->files[0]) &&
	    is_host(value))
		argp_error(state, "one of the two is a file");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'f':
		if (!strcmp(value, "json"))
			arguments->format = FORMAT_JSON;
		else if (!strcmp(value, "md"))
			arguments->format = FORMAT_MD;
		else if (strcmp(value, "text") != 0)
			argp_error(state, "--format is text, json or md");
		break;
	case 'D':
		arguments->dangerous = true;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		parse_file(arguments, value, state);
		break;
	case ARGP_KEY_END:
		if (arguments->nr_files != 2)
			argp_error(state,
				   "which two? A FILE of `record` each, or "
				   "`host` for one of them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void end_recording(struct recorder *recorder)
{
	recorder_end(recorder);
	if (fclose(recorder->out) != 0) {
		perror("HARNESS: recording this host");
		exit(EXIT_HARNESS);
	}
}

/* How many entries are to come. */
static size_t count(const struct compared *side)
{
	const char *at = side->text;
	size_t nr = 0;

	while ((at = strstr(at, "\nscenario ")) != NULL) {
		at++;
		nr++;
	}
	return nr;
}

/*
 * Record on this host, into @out, every scenario that @of has. @of is read to
 * its end, and started again.
 */
static enum exit_status record_host(struct compared *out, struct compared *of,
				    const struct arguments *arguments)
{
	struct recorder recorder = { .dangerous = arguments->dangerous,
				     .total = count(of) };
	enum exit_status status;
	struct text_error err;
	size_t len;

	out->name = "host";
	status = sides_open(&recorder.sides, arguments->device);
	if (status != EXIT_AGREE)
		return status;
	recorder.out = memory_there(open_memstream(&out->text, &len));
	status = recorder_start(&recorder);
	while (status == EXIT_AGREE && of->more == RECORDING_ENTRY) {
		if (!of->entry.not_run[0])
			recorder_add(&recorder, &of->entry);
		of->more = recording_read_entry(&of->entry, &err, &of->reader);
	}
	end_recording(&recorder);
	kvmdrv_close(recorder.sides.drv);
	if (status != EXIT_AGREE)
		return status;
	/* What is bad about @of is told now. */
	return compared_start(of) && compared_start(out) ? EXIT_AGREE :
							   EXIT_USAGE;
}

static enum exit_status read_both(struct comparison *c,
				  const struct arguments *arguments)
{
	const char *was = arguments->files[0], *now = arguments->files[1];

	if (!is_host(was) && !compared_read(&c->was, was))
		return EXIT_USAGE;
	if (!is_host(now) && !compared_read(&c->now, now))
		return EXIT_USAGE;
	if (is_host(was))
		return record_host(&c->was, &c->now, arguments);
	if (is_host(now))
		return record_host(&c->now, &c->was, arguments);
	return EXIT_AGREE;
}

static enum exit_status status_of(const struct comparison *c)
{
	bool changed = c->nr_changed > 0;

	for (uint32_t row = 0; row < ERRATA; row++)
		changed |= comparison_row(c, row) == ROW_GAINED ||
			   comparison_row(c, row) == ROW_LOST;
	if (changed)
		return EXIT_DIVERGE;
	if (c->nr_compared)
		return EXIT_AGREE;
	fputs("SKIP: no scenario ran in both\n", stderr);
	return EXIT_SKIP;
}

int verb_compare(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FIRST SECOND",
		"Tells what changed from one recording of `record` to another, "
		"or to or from this host, named `host`: rows of the errata, "
		"and scenarios by signature. Exit status 1 if anything did.",
		NULL,
		NULL,
		NULL,
	};
	static struct comparison comparison;
	struct arguments arguments = { .device = KVMDRV_DEVICE };
	enum exit_status status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = read_both(&comparison, &arguments);
	if (status != EXIT_AGREE)
		return status;
	if (!comparison_make(&comparison))
		return EXIT_USAGE;
	if (arguments.format == FORMAT_TEXT)
		comparison_print_text(&comparison);
	else if (arguments.format == FORMAT_MD)
		comparison_print_md(&comparison);
	else
		comparison_print_json(&comparison);
	return status_of(&comparison);
}
