/*
 * Private to kvmdrv/: the ioctls of runs, written down so that they can be
 * issued again with nothing in between. That is the floor of what the driver
 * can reach, and what `bench` compares it with.
 */
#ifndef KVMDRV_RECORD_H
#define KVMDRV_RECORD_H

#include <stdbool.h>
#include <stddef.h>

struct record_call {
	int fd;
	unsigned long request;
	unsigned long argument; /* a number, or where in `bytes` it is */
	bool is_pointer;
};

struct record {
	bool on;
	size_t nr_calls, calls_max;
	struct record_call *calls;
	size_t nr_bytes, bytes_max;
	unsigned char *bytes;
};

/* Add a call that is about to be issued, with what its argument points at. */
void record_add(struct record *record, int fd, unsigned long request,
		unsigned long argument);

/* Issue them all again. What they answer is not looked at. */
void record_replay(struct record *record);

void record_free(struct record *record);

#endif
