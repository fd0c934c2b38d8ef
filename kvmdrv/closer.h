/*
 * Private to kvmdrv/: closing VMs off the hot path. The kernel takes long to
 * tear a VM down (with a full irqchip some 17 ms), nearly all of it asleep, so
 * several threads wait for it side by side.
 */
#ifndef KVMDRV_CLOSER_H
#define KVMDRV_CLOSER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLOSER_THREADS = 16, CLOSER_WAITING_MAX = 32 };

struct closer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ending;
	size_t nr_waiting;
	int waiting[CLOSER_WAITING_MAX];
	size_t nr_threads;
	pthread_t threads[CLOSER_THREADS];
};

/* 0 or -errno; then there is nothing to end. */
int closer_start(struct closer *out);

/*
 * Close @fd some time soon. Waits where too many are open already, so that
 * the VMs that exist at once are bounded.
 */
void closer_close(struct closer *closer, int fd);

/* Close what is still open, and return when all is closed. */
void closer_end(struct closer *closer);

#endif
