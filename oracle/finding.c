/*
 * Findings on disk. A folder is filled under a temporary name, synced, and
 * renamed, so that whoever looks, even after a kill, sees whole ones only.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oracle/report.h"
#include "scenario/check.h"

/* Names tried for a folder that is being filled. */
enum { TEMPORARIES_MAX = 1000 };

static const char *const files[] = { "report.scn", "input.bin", "meta.json",
				     "hits" };

/* False and errno: @a/@b is too long for @out. */
static bool join(char out[PATH_MAX], const char *a, const char *b)
{
	if (snprintf(out, PATH_MAX, "%s/%s", a, b) < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* All of it on disk, or false and errno. Closes @file. */
static bool finish(FILE *file)
{
	bool good = !ferror(file) && fflush(file) == 0 &&
		    fsync(fileno(file)) == 0;
	int error = errno;

	if (fclose(file) != 0 && good)
		return false;
	errno = error;
	return good;
}

static char *meta_text(const struct scenario *s, const struct verdict *v,
		       const struct report_about *about)
{
	const struct difference *d = &v->differences[0];
	cJSON *meta = cJSON_CreateObject();
	char hash[17], want[19], got[19], when[32];
	time_t now = time(NULL);
	char *text;

	snprintf(hash, sizeof(hash), "%016" PRIx64,
		 signature_hash(v->signature));
	snprintf(want, sizeof(want), "0x%" PRIx64, d->want);
	snprintf(got, sizeof(got), "0x%" PRIx64, d->got);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	cJSON_AddStringToObject(meta, "hash", hash);
	cJSON_AddStringToObject(meta, "verdict", verdict_name(v->kind));
	cJSON_AddStringToObject(meta, "signature", v->signature);
	cJSON_AddStringToObject(meta, "symptom", symptom_name(v->symptom));
	cJSON_AddNumberToObject(meta, "op", v->step + 1);
	cJSON_AddNumberToObject(meta, "ops", (double)s->nr_ops);
	cJSON_AddNumberToObject(meta, "vcpu", d->vcpu);
	cJSON_AddStringToObject(meta, "observable", d->name ? d->name : "");
	cJSON_AddStringToObject(meta, "want", want);
	cJSON_AddStringToObject(meta, "got", got);
	cJSON_AddStringToObject(meta, "against", about->against);
	cJSON_AddStringToObject(meta, "host", about->host);
	if (about->kernel_log)
		cJSON_AddStringToObject(meta, "kernel_log", about->kernel_log);
	cJSON_AddStringToObject(meta, "found", when);
	text = cJSON_Print(meta);
	cJSON_Delete(meta);
	return text;
}

static bool write_meta(FILE *out, const struct scenario *s,
		       const struct verdict *v,
		       const struct report_about *about)
{
	char *text = meta_text(s, v, about);

	if (!text) {
		errno = ENOMEM;
		return false;
	}
	fprintf(out, "%s\n", text);
	cJSON_free(text);
	return true;
}

static bool write_file(FILE *out, const char *name, const struct scenario *s,
		       const struct verdict *v,
		       const struct report_about *about)
{
	uint8_t bytes[SCENARIO_BYTES_MAX];
	size_t len;

	if (!strcmp(name, "report.scn")) {
		report_write(out, s, v, about);
	} else if (!strcmp(name, "input.bin")) {
		len = scenario_encode(bytes, sizeof(bytes), s);
		return fwrite(bytes, 1, len, out) == len;
	} else if (!strcmp(name, "meta.json")) {
		return write_meta(out, s, v, about);
	} else {
		fputs("1\n", out);
	}
	return true;
}

static void unlink_keeping_errno(const char *path)
{
	int error = errno;

	unlink(path);
	errno = error;
}

/* One file of a finding: whole under its name, or not there. */
static bool put_file(const char *folder, const char *name,
		     const struct scenario *s, const struct verdict *v,
		     const struct report_about *about)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	FILE *out;
	bool good;

	if (!join(path, folder, name) || !join(temporary, folder, ".new"))
		return false;
	out = fopen(temporary, "w");
	if (!out)
		return false;
	good = write_file(out, name, s, v, about);
	if (finish(out) && good && rename(temporary, path) == 0)
		return true;
	unlink_keeping_errno(temporary);
	return false;
}

static bool fill(const char *folder, bool with_hits, const struct scenario *s,
		 const struct verdict *v, const struct report_about *about)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!with_hits && !strcmp(files[i], "hits"))
			continue;
		if (!put_file(folder, files[i], s, v, about))
			return false;
	}
	return true;
}

static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Some file systems cannot; the data itself is synced already. */
	if (fsync(fd) != 0)
		errno = 0;
	close(fd);
}

/* What fill() left half done; errno is kept. */
static void discard(const char *folder)
{
	int error = errno;
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (join(path, folder, files[i]))
			unlink(path);
	rmdir(folder);
	errno = error;
}

/* Add one to the number in the open file @fd. */
static bool add_one(int fd)
{
	char text[32] = "";
	unsigned long long hits;
	int len;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return false;
	hits = strtoull(text, NULL, 10) + 1;
	len = snprintf(text, sizeof(text), "%llu\n", hits);
	return pwrite(fd, text, (size_t)len, 0) == len;
}

enum finding_result finding_count_up(const char *dir, const struct verdict *v)
{
	char path[PATH_MAX];
	int fd;
	bool good;

	if (snprintf(path, sizeof(path), "%s/%016" PRIx64 "/hits", dir,
		     signature_hash(v->signature)) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return FINDING_FAILED;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? FINDING_NEW : FINDING_FAILED;
	good = flock(fd, LOCK_EX) == 0 && add_one(fd);
	close(fd);
	return good ? FINDING_KNOWN : FINDING_FAILED;
}

/* mkdir -p of @dir. */
static bool make_folders(const char *dir)
{
	char path[PATH_MAX];

	if (!join(path, dir, ""))
		return false;
	for (char *slash = strchr(path + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return true;
}

/*
 * A new folder in @dir to fill. Process IDs are the same in many containers,
 * which may share @dir, so a name that is taken is left alone.
 */
static bool make_temporary(char out[PATH_MAX], const char *dir,
			   const char *signature)
{
	char name[64];

	for (int i = 0; i < TEMPORARIES_MAX; i++) {
		snprintf(name, sizeof(name), ".%016" PRIx64 ".%ld.%d",
			 signature_hash(signature), (long)getpid(), i);
		if (!join(out, dir, name))
			return false;
		if (mkdir(out, 0777) == 0)
			return true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

enum finding_result finding_save(const char *dir, const struct scenario *s,
				 const struct verdict *v,
				 const struct report_about *about)
{
	char name[64], path[PATH_MAX], temporary[PATH_MAX];

	snprintf(name, sizeof(name), "%016" PRIx64,
		 signature_hash(v->signature));
	if (!make_folders(dir) || !join(path, dir, name) ||
	    !make_temporary(temporary, dir, v->signature))
		return FINDING_FAILED;
	if (!fill(temporary, true, s, v, about)) {
		discard(temporary);
		return FINDING_FAILED;
	}
	if (rename(temporary, path) != 0) {
		discard(temporary);
		if (errno != EEXIST && errno != ENOTEMPTY)
			return FINDING_FAILED;
		return finding_count_up(dir, v);
	}
	sync_folder(dir);
	return FINDING_NEW;
}

enum finding_result finding_shorten(const char *dir, const struct scenario *s,
				    const struct verdict *v,
				    const struct report_about *about)
{
	char name[64], path[PATH_MAX];

	snprintf(name, sizeof(name), "%016" PRIx64,
		 signature_hash(v->signature));
	if (!join(path, dir, name) || !fill(path, false, s, v, about))
		return FINDING_FAILED;
	return FINDING_KNOWN;
}
