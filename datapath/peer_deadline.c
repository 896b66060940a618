#define _GNU_SOURCE // pthread_cond_clockwait
#include "datapath/peer_deadline.h"

#include "ctl/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define AGAIN_NS 100000000 // the driver may have connected just then

// Under `lock`, but for the thread.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	pthread_t thread;
	pthread_t driver; // who waits
	bool watched;	  // the thread is there
	bool over, expired;
	struct unix_peer_id peer;
} call = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void socket_shut(int copy, int fd)
{
	(void)fd;
	shutdown(copy, SHUT_RDWR);
}

// Of a signal that else is ignored: a call of the kernel that waits ends, with EINTR.
static void wake(int signal_no)
{
	(void)signal_no;
}

// A peer may keep the driver where it has no socket to the peer that is known here: in connect(),
// or with another process or address in the place of those that answered before. But calls that
// begin anew when a signal comes are ended only by the end of their socket.
static void driver_stop(void)
{
	unix_peer_sockets(&call.peer, socket_shut);
	pthread_kill(call.driver, SIGURG);
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
		driver_stop();
		until.tv_nsec += AGAIN_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	}
	pthread_mutex_unlock(&call.lock);
	return NULL;
}

void peer_deadline_begin(const struct unix_peer_id *peer)
{
	const struct sigaction action = {.sa_handler = wake}; // no SA_RESTART
	sigaction(SIGURG, &action, NULL);
	call.driver = pthread_self();
	call.peer = peer ? *peer : (struct unix_peer_id){.pid = -1};
	call.over = call.expired = false;
	int rc = pthread_create(&call.thread, NULL, watch, NULL);
	call.watched = rc == 0;
	if (rc != 0)
		log_warn("no thread to watch a peer that answers: %s", strerror(rc));
}

static void socket_limit(int copy, int fd)
{
	const struct timeval limit = {.tv_sec = PEER_DEADLINE_S};
	(void)fd;
	setsockopt(copy, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(copy, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
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
		unix_peer_sockets(&call.peer, socket_limit);
	return call.expired;
}
