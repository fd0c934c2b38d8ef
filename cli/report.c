/* kvmerrata report: findings as mails to maintainers, or as one page. */
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "cli/ticker.h"

struct arguments {
	struct sides_options sides;
	const char *input;
	const char *output;
	enum { FORMAT_MAIL, FORMAT_HTML } format;
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0,
	  "mail (default): a draft to KVM's maintainers; or html: one page",
	  0 },
	{ "output", 'o', "OUT", 0,
	  "write to OUT, not to standard output; of several findings, mails go "
	  "into folder OUT",
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

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sides;
		break;
	case 'f':
		if (!strcmp(value, "html"))
			arguments->format = FORMAT_HTML;
		else if (strcmp(value, "mail") != 0)
			argp_error(state, "--format is mail or html");
		break;
	case 'o':
		arguments->output = value;
		break;
	case ARGP_KEY_ARG:
		if (arguments->input)
			argp_error(state, "one PATH at a time");
		arguments->input = value;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which PATH?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The sides that one case is compared on; kept while cases want the same. */
struct stage {
	const struct arguments *arguments;
	struct sides_options options;
	struct sides sides;
	bool open;
	bool told; /* why nothing is run here */
};

static void stage_close(struct stage *stage)
{
	if (stage->open)
		sides_close(&stage->sides);
	stage->open = false;
}

/* For @file: as the command line says, else as it was found. */
static enum exit_status stage_open(struct stage *stage,
				   const struct report_file *file)
{
	const char *against = stage->arguments->sides.against;
	enum exit_status status;

	if (!against)
		against = file->against[0] ? file->against : "documented";
	if (stage->open && !strcmp(against, stage->options.against))
		return EXIT_AGREE;
	stage_close(stage);
	stage->options = stage->arguments->sides;
	stage->options.against = against;
	status = sides_choose(&stage->sides, &stage->options);
	if (status != EXIT_AGREE)
		return status;
	/* What cannot be run here can be reported. */
	if (!sides_try_open(&stage->sides, stage->options.device) &&
	    !stage->told)
		fprintf(stderr, "nothing is run here: %s\n",
			stage->sides.reason.text);
	stage->told = true;
	stage->open = true;
	return EXIT_AGREE;
}

static enum exit_status read_case(struct stage *stage, struct report_case *out,
				  const struct report_file *file)
{
	enum exit_status status = stage_open(stage, file);

	if (status != EXIT_AGREE)
		return status;
	return report_case(out, file, &stage->sides, &stage->options);
}

/* Nothing that can be reported came of it. */
static bool is_bad(enum exit_status status)
{
	return status == EXIT_USAGE || status == EXIT_HARNESS;
}

static enum exit_status write_mail(const char *path, struct report_case *c,
				   struct stage *stage)
{
	struct output out;

	if (!output_open(&out, path))
		return EXIT_HARNESS;
	report_mail(out.file, c, &stage->sides);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

/* Where the mail of @file goes, of @nr: OUT, or a file in it. */
static bool mail_path(char out[PATH_MAX], const struct arguments *arguments,
		      const struct report_file *file, size_t nr)
{
	char name[CASE_NAME_MAX + 8];

	if (nr == 1 || !arguments->output) {
		snprintf(out, PATH_MAX, "%s",
			 arguments->output ? arguments->output : "-");
		return true;
	}
	snprintf(name, sizeof(name), "%s.mail", file->name);
	return path_make(arguments->output) &&
	       path_join(out, arguments->output, name);
}

static enum exit_status mails(struct stage *stage,
			      const struct report_files *files)
{
	static struct report_case c;
	enum exit_status status = EXIT_AGREE, one;
	char path[PATH_MAX];
	struct ticker ticker;

	ticker_start(&ticker, "mails");
	for (size_t i = 0; i < files->nr && status == EXIT_AGREE; i++) {
		ticker_show(&ticker, i, files->nr);
		one = read_case(stage, &c, &files->list[i]);
		if (is_bad(one))
			status = one;
		else if (!mail_path(path, stage->arguments, &files->list[i],
				    files->nr))
			status = EXIT_HARNESS;
		else
			status = write_mail(path, &c, stage);
	}
	ticker_end(&ticker);
	return status;
}

/* Of this host, or of the one that the model stands for. */
static void add_fingerprint(struct page *page, const struct stage *stage)
{
	static struct fingerprint fingerprint;
	const char *set = stage->options.host;

	if (set && !sides_is_fingerprint(set))
		page->no_fingerprint = "the model is in the place of a host";
	else if (set && !fingerprint_read(&fingerprint, set))
		page->no_fingerprint = "the file of the host cannot be read";
	else if (!set && !stage->sides.drv)
		page->no_fingerprint = stage->sides.reason.text;
	else if (!set && !fingerprint_take(&fingerprint, stage->sides.drv))
		page->no_fingerprint = "a witness cannot be read";
	else
		page->fingerprint = &fingerprint;
}

/* All cases, as rows and as sections. */
static enum exit_status read_cases(struct stage *stage, FILE *sections,
				   struct page_row *rows,
				   const struct report_files *files)
{
	static struct report_case c;
	enum exit_status status = EXIT_AGREE;
	struct ticker ticker;

	ticker_start(&ticker, "findings");
	for (size_t i = 0; i < files->nr && !is_bad(status); i++) {
		ticker_show(&ticker, i, files->nr);
		status = read_case(stage, &c, &files->list[i]);
		if (is_bad(status))
			break;
		page_row_fill(&rows[i], &c);
		page_case(sections, &c, i);
	}
	ticker_end(&ticker);
	return is_bad(status) ? status : EXIT_AGREE;
}

static enum exit_status write_page(struct stage *stage, struct page *page)
{
	struct output out;

	if (!stage->open) {
		static const struct report_file none;
		enum exit_status status = stage_open(stage, &none);

		if (status != EXIT_AGREE)
			return status;
	}
	page->host = stage->sides.host.line;
	add_fingerprint(page, stage);
	if (!output_open(&out, stage->arguments->output))
		return EXIT_HARNESS;
	page_write(out.file, page);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

static enum exit_status one_page(struct stage *stage,
				 const struct report_files *files)
{
	static struct page_row rows[CASES_MAX];
	struct page page = { .path = stage->arguments->input,
			     .against = stage->arguments->sides.against,
			     .nr_rows = files->nr,
			     .rows = rows,
			     .folder = stage->arguments->input };
	enum exit_status status;
	char *sections = NULL;
	size_t len;
	FILE *out = memory_there(open_memstream(&sections, &len));

	status = read_cases(stage, out, rows, files);
	if (fclose(out) != 0)
		memory_there(NULL);
	page.sections = sections;
	if (status == EXIT_AGREE)
		status = write_page(stage, &page);
	free(sections);
	return status;
}

int verb_report(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"PATH",
		"Reports findings: PATH is a scenario, the folder of a "
		"finding, or an output folder of `fuzz`. Each is run again on "
		"this host, against the set that it was found with unless "
		"--against says otherwise.\v"
		"A mail is a draft: what only a person can say stands in "
		"brackets. It ends with a C program that shows the difference. "
		"A page is one file of HTML, with pictures, that needs "
		"nothing else. With --host=SET no KVM is needed; without "
		"either, what was found is told as it was kept.",
		children,
		NULL,
		NULL,
	};
	static struct arguments arguments = { .sides = SIDES_DEFAULTS };
	static struct stage stage = { .arguments = &arguments };
	struct report_files files;
	enum exit_status status;

	arguments.sides.against = NULL;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!report_find(&files, arguments.input))
		return EXIT_USAGE;
	status = arguments.format == FORMAT_HTML ? one_page(&stage, &files) :
						   mails(&stage, &files);
	stage_close(&stage);
	return status;
}
