#define _GNU_SOURCE // tgkill, pthread_getname_np
#include "vhost/wake.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS	    "/proc/self/task"
#define THREAD_NAME "vhost-events"

bool vhost_events_is_this(void)
{
	static __thread enum { UNKNOWN, NO, YES } is;
	char name[16] = "";
	if (is == UNKNOWN && pthread_getname_np(pthread_self(), name, sizeof(name)) == 0)
		is = strncmp(name, THREAD_NAME, strlen(THREAD_NAME)) == 0 ? YES : NO;
	return is == YES;
}

static void ignore(int signal_no)
{
	(void)signal_no;
}

static bool is_event_thread(const char *tid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof(path), THREADS "/%.16s/comm", tid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool is =
	    fgets(name, sizeof(name), f) && strncmp(name, THREAD_NAME, strlen(THREAD_NAME)) == 0;
	fclose(f);
	return is;
}

// A signal ends the thread's poll(), after which it reads its list anew. Nothing else of it is
// disturbed: SA_RESTART resumes reads and writes, though never a poll().
void vhost_events_wake(void)
{
	const struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
	sigaction(SIGURG, &action, NULL);
	DIR *dir = opendir(THREADS);
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.' && is_event_thread(e->d_name))
			tgkill(getpid(), (pid_t)strtol(e->d_name, NULL, 10), SIGURG);
	}
	closedir(dir);
}
