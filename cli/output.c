/* Files that are written whole or not at all. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static bool complain(const char *path)
{
	fprintf(stderr, "%s: cannot write: %s\n", path, strerror(errno));
	return false;
}

bool path_join(char out[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return true;
	fprintf(stderr, "%s/%s: the path is too long\n", dir, name);
	return false;
}

bool path_make(const char *path)
{
	return mkdir(path, 0777) == 0 || errno == EEXIST || complain(path);
}

bool output_open(struct output *out, const char *path)
{
	if (!path || !strcmp(path, "-")) {
		out->path = NULL;
		out->file = stdout;
		return true;
	}
	out->path = path;
	if (snprintf(out->temporary, sizeof(out->temporary), "%s.%ld.tmp", path,
		     (long)getpid()) >= (int)sizeof(out->temporary)) {
		errno = ENAMETOOLONG;
		return complain(path);
	}
	out->file = fopen(out->temporary, "w");
	return out->file || complain(path);
}

bool output_commit(struct output *out)
{
	bool good;

	if (!out->path)
		return fflush(stdout) == 0 || complain("standard output");
	good = !ferror(out->file) && fflush(out->file) == 0 &&
	       fsync(fileno(out->file)) == 0;
	good = fclose(out->file) == 0 && good;
	if (good && rename(out->temporary, out->path) == 0)
		return true;
	complain(out->path);
	unlink(out->temporary);
	return false;
}
