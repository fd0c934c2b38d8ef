/* Private to cli/: scenario files by the paths of a command line. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

enum { PATHS_MAX = 4096 };

struct paths {
	size_t nr;
	const char *list[PATHS_MAX];
};

/* One more of them; too many are bad usage. */
void paths_add(struct paths *paths, const struct argp_state *state,
	       const char *path);

/* A file: where it is, and what it is called. */
struct scenario_file {
	char *path;
	char *name; /* from the project's folder on, where it lies in that */
};

struct scenario_files {
	size_t nr;
	struct scenario_file *list;
};

/*
 * The files at @paths: a file, or a folder whose .scn files are meant; without
 * any path all of corpora/. Sorted by name, each once. False after a message.
 */
bool paths_find(struct scenario_files *out, const struct paths *paths);

#endif
