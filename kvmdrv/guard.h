/*
 * The host guard: does the kernel complain, and what was about to run when
 * the process or the host died?
 */
#ifndef KVMDRV_GUARD_H
#define KVMDRV_GUARD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_LINE_MAX = 200, GUARD_TEXT_MAX = 8192 };

struct guard {
	int kernel_log; /* -1: no permission; then only the taint is watched */
	int taint;
	int input; /* -1: not kept */
	bool sync_input;
	char input_path[PATH_MAX];
	char taint_before[24];
};

/* What the kernel said of itself. */
struct complaint {
	/* Its first line, without what changes from boot to boot. */
	char line[GUARD_LINE_MAX];
	/* All of it as it stands in the log, as far as there is room. */
	char text[GUARD_TEXT_MAX];
};

struct guard_input {
	/* The file that holds the input about to run, or NULL for none. */
	const char *path;
	/* Is it on the disk before it runs, so that it outlives the host? */
	bool sync;
};

/*
 * Start watching. Where a process that did not come to guard_close() left its
 * input, that is kept beside the new one as crashed-<hash>.bin, and @out_kept
 * is its path; else it is empty. Returns 0, or -errno where the input's file
 * cannot be made; -EBUSY: a process that runs has it, and still has after seconds.
 */
int guard_open(struct guard *out, const struct guard_input *input,
	       char out_kept[PATH_MAX]);

/*
 * Keep @bytes as the input about to run: it outlives this process, whatever
 * ends that. Returns 0 or -errno.
 */
int guard_keep(struct guard *guard, const uint8_t *bytes, size_t len);

/*
 * That input is done, and so is this process until there is another: whatever
 * ends it now has nothing to do with the input.
 */
void guard_rest(struct guard *guard);

/*
 * Has the kernel warned, oopsed or become tainted since the last call? A
 * complaint that is still being written is waited for, up to a second.
 */
bool guard_complaint(struct guard *guard, struct complaint *out);

/*
 * Add a record of /dev/kmsg to @out, which starts as zeroes: only a complaint
 * of the kernel's own starts one, and whatever the kernel says then belongs
 * to it. What others write there does not. True: there is one.
 */
bool complaint_add(struct complaint *out, const char *record);

/* No process died: the input about to run is gone. */
void guard_close(struct guard *guard);

#endif
