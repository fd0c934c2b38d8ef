/* Watching /dev/kmsg and the kernel's taint. */
#include "kvmdrv/guard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario/check.h"

/* A record of /dev/kmsg is at most this long. */
enum { RECORD_MAX = 8192 };

int guard_open(struct guard *out, const char *input_path)
{
	memset(out, 0, sizeof(*out));
	out->input = -1;
	out->kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (out->kernel_log >= 0 &&
	    lseek(out->kernel_log, 0, SEEK_END) == (off_t)-1) {
		close(out->kernel_log);
		out->kernel_log = -1;
	}
	out->taint = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	if (out->taint >= 0 && pread(out->taint, out->taint_before,
				     sizeof(out->taint_before) - 1, 0) < 0)
		out->taint_before[0] = '\0';
	if (!input_path)
		return 0;
	out->input = open(input_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return out->input < 0 ? -errno : 0;
}

int guard_input(struct guard *guard, const uint8_t *bytes, size_t len)
{
	if (guard->input < 0)
		return 0;
	if (pwrite(guard->input, bytes, len, 0) != (ssize_t)len ||
	    ftruncate(guard->input, (off_t)len) != 0)
		return errno ? -errno : -EIO;
	return 0;
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
static void without_numbers(char out[GUARD_COMPLAINT_MAX], const char *text)
{
	size_t len = 0;

	while (*text && *text != '\n' && len + 1 < GUARD_COMPLAINT_MAX) {
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
bool guard_record_complains(const char *record, char out[GUARD_COMPLAINT_MAX])
{
	const char *text = strchr(record, ';');
	bool from_kernel = strtoul(record, NULL, 10) >> 3 == 0;

	if (!text || !from_kernel || !is_complaint(text))
		return false;
	without_numbers(out, text + 1);
	return true;
}

/* The records that are new; the first complaint among them is kept. */
static bool read_log(struct guard *guard, char out[GUARD_COMPLAINT_MAX])
{
	char record[RECORD_MAX + 1];
	bool found = false;
	ssize_t len;

	while ((len = read(guard->kernel_log, record, RECORD_MAX)) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		if (len < 0)
			continue;
		record[len] = '\0';
		if (!found)
			found = guard_record_complains(record, out);
	}
	return found;
}

static bool taint_changed(struct guard *guard, char out[GUARD_COMPLAINT_MAX])
{
	char now[sizeof(guard->taint_before)] = "";

	if (pread(guard->taint, now, sizeof(now) - 1, 0) < 0 ||
	    !strcmp(now, guard->taint_before))
		return false;
	memcpy(guard->taint_before, now, sizeof(now));
	snprintf(out, GUARD_COMPLAINT_MAX, "kernel became tainted: %.*s",
		 (int)strcspn(now, "\n"), now);
	return true;
}

bool guard_complaint(struct guard *guard, char out[GUARD_COMPLAINT_MAX])
{
	bool logged = guard->kernel_log >= 0 && read_log(guard, out);
	bool tainted;
	char taint[GUARD_COMPLAINT_MAX];

	tainted = guard->taint >= 0 && taint_changed(guard, taint);
	if (tainted && !logged)
		memcpy(out, taint, sizeof(taint));
	return logged || tainted;
}

void guard_close(struct guard *guard)
{
	if (guard->kernel_log >= 0)
		close(guard->kernel_log);
	if (guard->taint >= 0)
		close(guard->taint);
	if (guard->input >= 0)
		close(guard->input);
}
