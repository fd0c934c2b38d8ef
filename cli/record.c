/* kvmerrata record: what this host shows of a corpus, in a file. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/paths.h"
#include "cli/recorder.h"

struct arguments {
	const char *device;
	const char *output;
	const char *model; /* NULL: this host */
	bool dangerous;
	struct paths paths;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "write to FILE, not to standard output",
	  0 },
	{ "model", 'm', "SET", 0,
	  "record not this host, but the model under this set of errata, as "
	  "in `run --against`",
	  0 },
	OPTION_DANGEROUS,
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = value;
		break;
	case 'm':
		arguments->model = value;
		break;
	case 'D':
		arguments->dangerous = true;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		paths_add(&arguments->paths, state, value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* All of @files to @recorder->out, which is closed. */
static enum exit_status record_files(struct recorder *recorder,
				     const struct scenario_files *files)
{
	static struct recording_entry entry;
	enum exit_status status = recorder_start(recorder);
	bool is_text;

	for (size_t i = 0; status == EXIT_AGREE && i < files->nr; i++) {
		snprintf(entry.name, sizeof(entry.name), "%s",
			 files->list[i].name);
		if (input_read(&entry.scenario, files->list[i].path,
			       INPUT_GUESS, &is_text))
			recorder_add(recorder, &entry);
		else
			status = EXIT_USAGE;
	}
	recorder_end(recorder);
	if (fclose(recorder->out) == 0)
		return status;
	perror("HARNESS: recording");
	return EXIT_HARNESS;
}

static bool save(const char *text, size_t len, const char *path)
{
	struct output out;

	if (!output_open(&out, path))
		return false;
	fwrite(text, 1, len, out.file);
	return output_commit(&out);
}

/* In memory first: a run that is broken off leaves nothing of it. */
static enum exit_status record(struct recorder *recorder,
			       const struct scenario_files *files,
			       const char *path)
{
	enum exit_status status;
	char *text;
	size_t len;

	recorder->out = memory_there(open_memstream(&text, &len));
	status = record_files(recorder, files);
	if (status == EXIT_AGREE && !save(text, len, path))
		status = EXIT_HARNESS;
	free(text);
	return status;
}

int verb_record(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[PATH...]",
		"Writes down what this host is and shows of every scenario, "
		"for `compare`. A PATH is a file, or a folder whose .scn "
		"files are meant; without any, all of corpora/.",
		NULL,
		NULL,
		NULL,
	};
	static struct arguments arguments = { .device = KVMDRV_DEVICE };
	static struct scenario_files files;
	struct recorder recorder = { 0 };
	enum exit_status status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!paths_find(&files, &arguments.paths))
		return EXIT_USAGE;
	status = arguments.model ?
			 sides_against(&recorder.sides, arguments.model,
				       arguments.device) :
			 sides_open(&recorder.sides, arguments.device);
	if (status != EXIT_AGREE)
		return status;
	recorder.model = arguments.model;
	recorder.dangerous = arguments.dangerous;
	recorder.total = files.nr;
	status = record(&recorder, &files, arguments.output);
	if (recorder.sides.drv)
		kvmdrv_close(recorder.sides.drv);
	return status;
}
