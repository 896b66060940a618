#define _GNU_SOURCE // seals
#include "memif/memif_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#define CLOSING_MAX 64u // each is a thread

static unsigned n_closing;

static void *close_it(void *arg)
{
	close((int)(intptr_t)arg);
	__atomic_fetch_sub(&n_closing, 1, __ATOMIC_RELAXED);
	return NULL;
}

void memif_fd_close(int fd)
{
	pthread_t thread;
	if (fcntl(fd, F_GET_SEALS) >= 0) { // memory
		close(fd);
		return;
	}
	__atomic_fetch_add(&n_closing, 1, __ATOMIC_RELAXED);
	// Without a thread it stays open, and counted.
	if (pthread_create(&thread, NULL, close_it, (void *)(intptr_t)fd) == 0)
		pthread_detach(thread);
}

bool memif_fd_room(void)
{
	return __atomic_load_n(&n_closing, __ATOMIC_RELAXED) < CLOSING_MAX;
}
