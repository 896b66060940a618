#define _GNU_SOURCE // pthread_cond_clockwait
#include "datapath/peer_deadline.h"

#include "ctl/log.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_NS 100000000 // the driver may have connected just then

// Under `lock`, but for the thread.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	pthread_t thread;
	bool watched; // the thread is there
	bool over, expired;
	struct unix_peer_id peer;
} call = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void socket_shut(void)
{
	int fd = unix_peer_socket(&call.peer);
	if (fd < 0)
		return;
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

static void *watch(void *arg)
{
	struct timespec until;
	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PEER_DEADLINE_S;
	pthread_mutex_lock(&call.lock);
	while (!call.over) {
		if (pthread_cond_clockwait(&call.ended, &call.lock, CLOCK_MONOTONIC, &until) !=
		    ETIMEDOUT)
			continue;
		call.expired = true;
		socket_shut();
		until.tv_nsec += AGAIN_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	}
	pthread_mutex_unlock(&call.lock);
	return NULL;
}

void peer_deadline_begin(const struct unix_peer_id *peer)
{
	call.peer = *peer;
	call.over = call.expired = false;
	int rc = pthread_create(&call.thread, NULL, watch, NULL);
	call.watched = rc == 0;
	if (rc != 0)
		log_warn("no thread to watch %s's driver: %s", peer->address.sun_path,
			 strerror(rc));
}

static void socket_limit(void)
{
	const struct timeval limit = {.tv_sec = PEER_DEADLINE_S};
	int fd = unix_peer_socket(&call.peer);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	close(fd);
}

bool peer_deadline_end(void)
{
	if (call.watched) {
		pthread_mutex_lock(&call.lock);
		call.over = true;
		pthread_cond_signal(&call.ended);
		pthread_mutex_unlock(&call.lock);
		pthread_join(call.thread, NULL);
	}
	if (!call.expired)
		socket_limit();
	return call.expired;
}
