/*
 * The host guard: does the kernel complain, and what was about to run when
 * the process or the host died?
 */
#ifndef KVMDRV_GUARD_H
#define KVMDRV_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_COMPLAINT_MAX = 200 };

struct guard {
	int kernel_log; /* -1: no permission; then only the taint is watched */
	int taint;
	int input; /* -1: not kept */
	char taint_before[24];
};

/*
 * Start watching. @input_path, or NULL for none, is the file that holds the
 * input about to run. Returns 0, or -errno where that file cannot be made.
 */
int guard_open(struct guard *out, const char *input_path);

/*
 * Keep @bytes as the input about to run: it outlives this process, whatever
 * ends that. Returns 0 or -errno.
 */
int guard_input(struct guard *guard, const uint8_t *bytes, size_t len);

/*
 * Has the kernel warned, oopsed or become tainted since the last call? Then
 * @out is the first line about it, without what changes from boot to boot.
 */
bool guard_complaint(struct guard *guard, char out[GUARD_COMPLAINT_MAX]);

/*
 * Is this record of /dev/kmsg a complaint of the kernel's own? What others
 * write there is not. @out as above.
 */
bool guard_record_complains(const char *record, char out[GUARD_COMPLAINT_MAX]);

void guard_close(struct guard *guard);

#endif
