/* kvmerrata record: what this host shows of a corpus, in a file. */
#include <argp.h>
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "cli/recorder.h"
#include "scenario/check.h"

enum { PATHS_MAX = 4096 };

struct arguments {
	const char *device;
	const char *output;
	const char *model; /* NULL: this host */
	bool dangerous;
	size_t nr_paths;
	const char *paths[PATHS_MAX];
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
		if (arguments->nr_paths == PATHS_MAX)
			argp_error(state, "more than %d PATHs", PATHS_MAX);
		arguments->paths[arguments->nr_paths++] = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* A file to record: where it is, and its name in the recording. */
struct file {
	char *path;
	char *name;
};

struct files {
	size_t nr;
	struct file *list;
};

/*
 * What the recording calls @path: from the project's folder on where it lies
 * in that, so that recordings made from anywhere have the same names; else as
 * it is. The folder it is in may be given in any way.
 */
static void find_name(char out[PATH_MAX], const char *path)
{
	const char *root = getenv("KVMERRATA_ROOT");
	char real_root[PATH_MAX], dir[PATH_MAX], real_dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len;

	snprintf(out, PATH_MAX, "%s", path);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	if (!realpath(root ? root : ".", real_root) ||
	    !realpath(slash == path ? "/" : dir, real_dir))
		return;
	len = strlen(real_root);
	if (strncmp(real_dir, real_root, len) != 0 ||
	    (real_dir[len] && real_dir[len] != '/'))
		return;
	snprintf(out, PATH_MAX, "%s%s%s",
		 real_dir + len + (real_dir[len] == '/'),
		 real_dir[len] ? "/" : "", slash ? slash + 1 : path);
}

static bool add_file(struct files *files, const char *path)
{
	char name[PATH_MAX];
	struct file *file;

	find_name(name, path);
	if (!recording_name_is_good(name)) {
		fprintf(stderr, "%s:1:1: no name for a line of a recording\n",
			path);
		return false;
	}
	files->list = memory_there(
		realloc(files->list, (files->nr + 1) * sizeof(*files->list)));
	file = &files->list[files->nr];
	file->path = memory_there(strdup(path));
	file->name = memory_there(strdup(name));
	files->nr++;
	return true;
}

static bool is_scenario(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, ".scn");
}

/* @path itself, or all scenarios in it. False after a message. */
static bool add_path(struct files *files, const char *path)
{
	char copy[PATH_MAX];
	char *const paths[] = { copy, NULL };
	const FTSENT *entry;
	bool good = true;
	FTS *walk;

	snprintf(copy, sizeof(copy), "%s", path);
	walk = memory_there(fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL));
	while (good && (entry = fts_read(walk)) != NULL) {
		bool failed = entry->fts_info == FTS_NS ||
			      entry->fts_info == FTS_DNR ||
			      entry->fts_info == FTS_ERR ||
			      entry->fts_info == FTS_SLNONE;

		if (failed) {
			fprintf(stderr, "%s:1:1: %s\n", entry->fts_path,
				strerror(entry->fts_errno ? entry->fts_errno :
							    ENOENT));
			good = false;
		} else if (entry->fts_info == FTS_F &&
			   (entry->fts_level == FTS_ROOTLEVEL ||
			    is_scenario(entry->fts_name))) {
			good = add_file(files, entry->fts_path);
		}
	}
	fts_close(walk);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name,
		      ((const struct file *)b)->name);
}

/* Sorted, and each once. */
static void sort_files(struct files *files)
{
	size_t kept = 0;

	if (files->nr)
		qsort(files->list, files->nr, sizeof(*files->list), by_name);
	for (size_t i = 0; i < files->nr; i++) {
		struct file *file = &files->list[i];

		if (!kept ||
		    strcmp(file->name, files->list[kept - 1].name) != 0) {
			files->list[kept++] = *file;
			continue;
		}
		free(file->path);
		free(file->name);
	}
	files->nr = kept;
}

static bool find_files(struct files *out, const struct arguments *arguments)
{
	static const char *const folders[] = { "corpora/findings",
					       "corpora/regressions",
					       "corpora/seeds",
					       "corpora/witness" };
	const char *root = getenv("KVMERRATA_ROOT");
	char path[PATH_MAX];

	for (size_t i = 0; i < arguments->nr_paths; i++)
		if (!add_path(out, arguments->paths[i]))
			return false;
	for (size_t i = 0; !arguments->nr_paths && i < ARRAY_SIZE(folders); i++)
		if (!path_join(path, root ? root : ".", folders[i]) ||
		    !add_path(out, path))
			return false;
	sort_files(out);
	return true;
}

/* All of @files to @recorder->out, which is closed. */
static enum exit_status record_files(struct recorder *recorder,
				     const struct files *files)
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
			       const struct files *files, const char *path)
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
	static struct files files;
	struct recorder recorder = { 0 };
	enum exit_status status;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!find_files(&files, &arguments))
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
