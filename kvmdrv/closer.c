/* Threads that close file descriptors. */
#include "kvmdrv/closer.h"

#include <signal.h>
#include <unistd.h>

#include "scenario/check.h"

/* The next descriptor, or -1 when there will be none. */
static int take(struct closer *closer)
{
	int fd = -1;

	pthread_mutex_lock(&closer->lock);
	while (!closer->nr_waiting && !closer->ending)
		pthread_cond_wait(&closer->changed, &closer->lock);
	if (closer->nr_waiting) {
		fd = closer->waiting[--closer->nr_waiting];
		pthread_cond_broadcast(&closer->changed);
	}
	pthread_mutex_unlock(&closer->lock);
	return fd;
}

static void *run(void *argument)
{
	struct closer *closer = argument;
	int fd;

	while ((fd = take(closer)) >= 0)
		close(fd);
	return NULL;
}

int closer_start(struct closer *out)
{
	sigset_t all, before;
	int error = 0;

	*out = (struct closer){ .nr_threads = 0 };
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->changed, NULL);
	/* Signals are for the thread that runs scenarios. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!error && out->nr_threads < CLOSER_THREADS) {
		error = pthread_create(&out->threads[out->nr_threads], NULL,
				       run, out);
		out->nr_threads += !error;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!out->nr_threads)
		return -error;
	return 0;
}

void closer_close(struct closer *closer, int fd)
{
	pthread_mutex_lock(&closer->lock);
	while (closer->nr_waiting == CLOSER_WAITING_MAX)
		pthread_cond_wait(&closer->changed, &closer->lock);
	CHECK(!closer->ending);
	closer->waiting[closer->nr_waiting++] = fd;
	pthread_cond_broadcast(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
}

void closer_end(struct closer *closer)
{
	pthread_mutex_lock(&closer->lock);
	closer->ending = true;
	pthread_cond_broadcast(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
	for (size_t i = 0; i < closer->nr_threads; i++)
		pthread_join(closer->threads[i], NULL);
	pthread_cond_destroy(&closer->changed);
	pthread_mutex_destroy(&closer->lock);
}
