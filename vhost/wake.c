#define _GNU_SOURCE // tgkill, pthread_getname_np
#include "vhost/wake.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS	     "/proc/self/task"
#define EVENTS	     "vhost-events"
#define RECONNECTION "vhost_reconn"

bool vhost_events_is_this(void)
{
	static __thread enum { UNKNOWN, NO, YES } is;
	char name[16] = "";
	if (is == UNKNOWN && pthread_getname_np(pthread_self(), name, sizeof(name)) == 0)
		is = strncmp(name, EVENTS, strlen(EVENTS)) == 0 ? YES : NO;
	return is == YES;
}

static void ignore(int signal_no)
{
	(void)signal_no;
}

static bool has_name(const char *tid, const char *wanted)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof(path), THREADS "/%.16s/comm", tid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool is = fgets(name, sizeof(name), f) && strncmp(name, wanted, strlen(wanted)) == 0;
	fclose(f);
	return is;
}

// A signal ends the thread's poll() or sleep(), after which it reads its list anew. Nothing else of
// it is disturbed: SA_RESTART resumes reads and writes, though never those two. One that comes
// while the thread is awake is lost.
static void thread_wake(const char *name)
{
	const struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
	sigaction(SIGURG, &action, NULL);
	DIR *dir = opendir(THREADS);
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.' && has_name(e->d_name, name))
			tgkill(getpid(), (pid_t)strtol(e->d_name, NULL, 10), SIGURG);
	}
	closedir(dir);
}

void vhost_events_wake(void)
{
	thread_wake(EVENTS);
}

void vhost_reconnection_wake(void)
{
	thread_wake(RECONNECTION);
}
