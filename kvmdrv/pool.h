/*
 * Private to kvmdrv/: VMs that are kept and used again. Building one with four
 * vCPUs costs as much as running ten scenarios on it.
 *
 * A VM serves scenarios with its settings that begin with the vcpu_create ops
 * of its vCPUs. After each it is reset. What cannot be reset makes it one that
 * is closed: vCPUs that were created later, flags that were enabled later. In
 * the place of such a VM a thread builds the next, if it is not the first of
 * its kind.
 */
#ifndef KVMDRV_POOL_H
#define KVMDRV_POOL_H

#include <pthread.h>

#include "scenario/observation.h"
#include "scenario/scenario.h"

struct kvmdrv;
struct vm;

enum { POOL_VMS_MAX = 512, POOL_DESCRIPTORS_MAX = 4608, POOL_SPENT = 64 };

/* The settings and the vCPUs of a VM: what makes two VMs equal. */
struct topology {
	uint64_t hash;
	struct config config;
	uint32_t nr_vcpus;
	uint32_t vcpu_ids[VCPUS_MAX];
};

struct pool {
	struct kvmdrv *drv;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t builder;
	bool ending;
	bool wanted; /* a VM like `next` is to be built */
	struct topology next;
	struct topology taken;	    /* scratch, of the thread that takes */
	uint64_t spent[POOL_SPENT]; /* hashes of VMs lately used up */
	uint32_t nr_spent;
	uint64_t uses;
	uint32_t room;	       /* descriptors that its VMs and vCPUs may have */
	uint32_t vcpu_ids_max; /* vCPU IDs are below that */
	uint32_t nr_vms;
	uint32_t nr_vcpus; /* of all those VMs */
	struct vm *vms[POOL_VMS_MAX];
};

/* 0 or -errno. */
int pool_start(struct pool *out, struct kvmdrv *drv);

/* A VM for @s: one that waited, or a new one. It is vm->kept. */
struct vm *pool_take(struct pool *pool, const struct scenario *s);

/* @vm has run its scenario; @now is the state of its vCPUs. */
void pool_give(struct pool *pool, struct vm *vm, const struct vcpu_state *now);

void pool_end(struct pool *pool);

#endif
