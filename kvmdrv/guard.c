/* Watching /dev/kmsg and the kernel's taint; the input that is about to run. */
#include "kvmdrv/guard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "scenario/check.h"

/* A record of /dev/kmsg is at most this long. */
enum { RECORD_MAX = 8192 };

/* The rest of a complaint comes within that many milliseconds, or not. */
enum { QUIET_MS = 100, QUIET_ROUNDS_MAX = 10 };

/* A process that was killed has its VMs to close before it is gone. */
enum { LOCK_ROUND_US = 100000, LOCK_ROUNDS_MAX = 50 };

static void watch(struct guard *guard)
{
	guard->kernel_log =
		open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (guard->kernel_log >= 0 &&
	    lseek(guard->kernel_log, 0, SEEK_END) == (off_t)-1) {
		close(guard->kernel_log);
		guard->kernel_log = -1;
	}
	guard->taint = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	if (guard->taint >= 0 && pread(guard->taint, guard->taint_before,
				       sizeof(guard->taint_before) - 1, 0) < 0)
		guard->taint_before[0] = '\0';
}

/* FNV-1a of what is left in the file @fd; false: nothing, or not readable. */
static bool hash_of(int fd, uint64_t *out)
{
	uint8_t bytes[4096];
	off_t at = 0;
	ssize_t len;

	*out = 0xcbf29ce484222325u;
	while ((len = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		for (ssize_t i = 0; i < len; i++)
			*out = (*out ^ bytes[i]) * 0x100000001b3u;
		at += len;
	}
	return len == 0 && at > 0;
}

/* DIR/crashed-<hash>.bin, where DIR/NAME is @path. */
static bool crashed_path(char out[PATH_MAX], const char *path, uint64_t hash)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash + 1 - path) : 0;

	return snprintf(out, PATH_MAX, "%.*scrashed-%016" PRIx64 ".bin",
			dir_len, path, hash) < PATH_MAX;
}

/* The file for the input, locked as long as this process lives, or -errno. */
static int open_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	int error;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < LOCK_ROUNDS_MAX; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		if (errno != EWOULDBLOCK)
			break;
		usleep(LOCK_ROUND_US);
	}
	error = errno == EWOULDBLOCK ? EBUSY : errno;
	close(fd);
	return -error;
}

/* The file's own name is on the disk too. */
static int sync_folder_of(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd, error = 0;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	snprintf(slash ? slash + 1 : dir, 2, "%s", ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* A file system that cannot says EINVAL. */
	if (fsync(fd) != 0 && errno != EINVAL)
		error = -errno;
	close(fd);
	return error;
}

static int open_input(struct guard *out, const struct guard_input *input,
		      char out_kept[PATH_MAX])
{
	uint64_t hash;
	int fd = open_locked(input->path);

	if (fd < 0)
		return fd;
	if (hash_of(fd, &hash)) {
		if (!crashed_path(out_kept, input->path, hash) ||
		    rename(input->path, out_kept) != 0) {
			close(fd);
			return errno ? -errno : -ENAMETOOLONG;
		}
		close(fd);
		fd = open_locked(input->path);
		if (fd < 0)
			return fd;
	}
	out->input = fd;
	out->sync_input = input->sync;
	snprintf(out->input_path, sizeof(out->input_path), "%s", input->path);
	return input->sync ? sync_folder_of(input->path) : 0;
}

int guard_open(struct guard *out, const struct guard_input *input,
	       char out_kept[PATH_MAX])
{
	memset(out, 0, sizeof(*out));
	out->input = -1;
	out_kept[0] = '\0';
	watch(out);
	return input->path ? open_input(out, input, out_kept) : 0;
}

int guard_keep(struct guard *guard, const uint8_t *bytes, size_t len)
{
	if (guard->input < 0)
		return 0;
	if (pwrite(guard->input, bytes, len, 0) != (ssize_t)len ||
	    ftruncate(guard->input, (off_t)len) != 0)
		return errno ? -errno : -EIO;
	if (guard->sync_input && fdatasync(guard->input) != 0)
		return -errno;
	return 0;
}

void guard_rest(struct guard *guard)
{
	/* Where it fails the input stays, which does no harm. */
	if (guard->input >= 0 && ftruncate(guard->input, 0) != 0)
		errno = 0;
}

static bool is_complaint(const char *text)
{
	static const char *const marks[] = {
		"WARNING: ",
		"BUG: ",
		"Oops",
		"kernel BUG at",
		"KASAN: ",
		"UBSAN: ",
		"general protection fault",
		"unchecked MSR access",
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strstr(text, marks[i]))
			return true;
	return false;
}

/* Numbers (addresses, PIDs, CPUs) become '#', so that equals look equal. */
static void without_numbers(char out[GUARD_LINE_MAX], const char *text)
{
	size_t len = 0;

	while (*text && *text != '\n' && len + 1 < GUARD_LINE_MAX) {
		if (!isdigit((unsigned char)*text)) {
			out[len++] = *text++;
			continue;
		}
		out[len++] = '#';
		while (isxdigit((unsigned char)*text) || *text == 'x')
			text++;
	}
	out[len] = '\0';
}

/* "PRIORITY,SEQUENCE,...;TEXT"; bits 3 and up of the priority say who. */
bool complaint_add(struct complaint *out, const char *record)
{
	const char *text = memchr(record, ';', strcspn(record, "\n"));
	bool from_kernel = strtoul(record, NULL, 10) >> 3 == 0;
	bool is_new = !out->line[0];
	size_t len = strlen(out->text);

	char line[GUARD_LINE_MAX * 4];

	if (!text || !from_kernel)
		return !is_new;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text + 1, "\n"),
		 text + 1);
	if (is_new && !is_complaint(line))
		return false;
	if (is_new)
		without_numbers(out->line, line);
	snprintf(out->text + len, sizeof(out->text) - len, "%s\n", line);
	return true;
}

/* One read is one record; lines that begin with a blank tell more of it. */
static bool add_all(struct complaint *out, const char *records)
{
	bool found = out->line[0];

	while (*records) {
		if (*records != ' ')
			found = complaint_add(out, records);
		records += strcspn(records, "\n");
		records += *records == '\n';
	}
	return found;
}

/* The records that are new. */
static bool read_log(struct guard *guard, struct complaint *out)
{
	char record[RECORD_MAX + 1];
	bool found = out->line[0];
	ssize_t len;

	while ((len = read(guard->kernel_log, record, RECORD_MAX)) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		if (len < 0)
			continue;
		record[len] = '\0';
		found = add_all(out, record);
	}
	return found;
}

static bool read_complaint(struct guard *guard, struct complaint *out)
{
	struct pollfd more = { .fd = guard->kernel_log, .events = POLLIN };

	if (!read_log(guard, out))
		return false;
	for (int i = 0; i < QUIET_ROUNDS_MAX; i++) {
		if (poll(&more, 1, QUIET_MS) <= 0)
			break;
		read_log(guard, out);
	}
	return true;
}

static bool taint_changed(struct guard *guard, char out[GUARD_LINE_MAX])
{
	char now[sizeof(guard->taint_before)] = "";

	if (pread(guard->taint, now, sizeof(now) - 1, 0) < 0 ||
	    !strcmp(now, guard->taint_before))
		return false;
	memcpy(guard->taint_before, now, sizeof(now));
	snprintf(out, GUARD_LINE_MAX, "kernel became tainted: %.*s",
		 (int)strcspn(now, "\n"), now);
	return true;
}

bool guard_complaint(struct guard *guard, struct complaint *out)
{
	char taint[GUARD_LINE_MAX];
	bool logged, tainted;

	out->line[0] = '\0';
	out->text[0] = '\0';
	logged = guard->kernel_log >= 0 && read_complaint(guard, out);
	tainted = guard->taint >= 0 && taint_changed(guard, taint);
	if (tainted && !logged)
		memcpy(out->line, taint, sizeof(taint));
	return logged || tainted;
}

void guard_close(struct guard *guard)
{
	if (guard->kernel_log >= 0)
		close(guard->kernel_log);
	if (guard->taint >= 0)
		close(guard->taint);
	if (guard->input < 0)
		return;
	unlink(guard->input_path);
	close(guard->input);
}
