/* Scenario files by the paths of a command line. */
#include "cli/paths.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "scenario/check.h"
#include "scenario/recording.h"

void paths_add(struct paths *paths, const struct argp_state *state,
	       const char *path)
{
	if (paths->nr == PATHS_MAX)
		argp_error(state, "more than %d PATHs", PATHS_MAX);
	paths->list[paths->nr++] = path;
}

/*
 * What @path is called: from the project's folder on where it lies
 * in that, so that it is the same wherever the command runs; else as
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

static bool add_file(struct scenario_files *files, const char *path)
{
	char name[PATH_MAX];
	struct scenario_file *file;

	find_name(name, path);
	if (!recording_name_is_good(name)) {
		fprintf(stderr, "%s:1:1: no name for a line of text\n", path);
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
static bool add_path(struct scenario_files *files, const char *path)
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
	return strcmp(((const struct scenario_file *)a)->name,
		      ((const struct scenario_file *)b)->name);
}

/* Sorted, and each once. */
static void sort_files(struct scenario_files *files)
{
	size_t kept = 0;

	if (files->nr)
		qsort(files->list, files->nr, sizeof(*files->list), by_name);
	for (size_t i = 0; i < files->nr; i++) {
		struct scenario_file *file = &files->list[i];

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

bool paths_find(struct scenario_files *out, const struct paths *paths)
{
	static const char *const folders[] = { "corpora/findings",
					       "corpora/regressions",
					       "corpora/seeds",
					       "corpora/witness" };
	const char *root = getenv("KVMERRATA_ROOT");
	char path[PATH_MAX];

	for (size_t i = 0; i < paths->nr; i++)
		if (!add_path(out, paths->list[i]))
			return false;
	for (size_t i = 0; !paths->nr && i < ARRAY_SIZE(folders); i++)
		if (!path_join(path, root ? root : ".", folders[i]) ||
		    !add_path(out, path))
			return false;
	sort_files(out);
	return true;
}
