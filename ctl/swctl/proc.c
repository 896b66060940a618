#include "ctl/swctl/proc.h"

#include "ctl/swctl/host.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAP_DAC_OVERRIDE_BIT 1
#define PROCESSES_MAX	     65536
#define COMMAND_MAX	     (128 * 1024) // bytes of a command line; libvirt's are long

// The text behind "NAME:" in a file of such lines, or NULL.
static const char *line_of(const char *text, const char *name)
{
	size_t len = strlen(name);
	while (strncmp(text, name, len) != 0 || text[len] != ':') {
		const char *end = strchr(text, '\n');
		if (!end)
			return NULL;
		text = end + 1;
	}
	return text + len + 1;
}

static void groups_parse(struct proc *proc, const char *text)
{
	while (text && proc->n_groups < PROC_GROUPS_MAX) {
		char *end;
		while (*text == ' ' || *text == '\t')
			text++;
		if (!isdigit((unsigned char)*text))
			return;
		proc->groups[proc->n_groups++] = (gid_t)strtoul(text, &end, 10);
		text = end;
	}
}

bool proc_read(const char *root, pid_t pid, struct proc *proc)
{
	char text[4096];
	*proc = (struct proc){.pid = pid};
	if (!host_read(root, text, sizeof(text), "/proc/%d/status", (int)pid))
		return false;
	const char *uid = line_of(text, "Uid"), *gid = line_of(text, "Gid");
	const char *caps = line_of(text, "CapEff"), *name = line_of(text, "Name");
	if (!uid || sscanf(uid, "%*u %u", &proc->uid) != 1 || !gid ||
	    sscanf(gid, "%*u %u", &proc->gid) != 1)
		return false;
	proc->may_all = caps && strtoull(caps, NULL, 16) >> CAP_DAC_OVERRIDE_BIT & 1;
	if (name)
		sscanf(name, " %31[^\n]", proc->name);
	groups_parse(proc, line_of(text, "Groups"));
	return true;
}

static bool has_argument(const char *root, pid_t pid, const char *text, char *line)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/proc/%d/cmdline", root, (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	size_t len = fread(line, 1, COMMAND_MAX - 1, file);
	fclose(file);
	line[len] = '\0';
	const char *end = line + len;
	for (const char *word = line + strlen(line) + 1; word < end; word += strlen(word) + 1) {
		const char *hit = strstr(word, text);
		if (hit && (hit[strlen(text)] == '\0' || hit[strlen(text)] == ','))
			return true;
	}
	return false;
}

// The next process of a /proc that is being read; 0 at its end.
static pid_t next_pid(DIR *dir)
{
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (isdigit((unsigned char)e->d_name[0]))
			return (pid_t)strtol(e->d_name, NULL, 10);
	}
	return 0;
}

static DIR *open_proc(const char *root)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/proc", root);
	return opendir(path);
}

bool proc_find_argument(const char *root, const char *text, pid_t not_this, struct proc *proc)
{
	DIR *dir = open_proc(root);
	char *line = malloc(COMMAND_MAX);
	bool found = false;
	pid_t pid;
	for (unsigned n = 0; dir && line && !found && n < PROCESSES_MAX; n++) {
		pid = next_pid(dir);
		if (pid == 0)
			break;
		found = pid != not_this && pid != getpid() && has_argument(root, pid, text, line) &&
			proc_read(root, pid, proc);
	}
	free(line);
	if (dir)
		closedir(dir);
	return found;
}

static bool in_group(const struct proc *proc, gid_t gid)
{
	bool found = proc->gid == gid;
	for (unsigned i = 0; i < proc->n_groups; i++)
		found |= proc->groups[i] == gid;
	return found;
}

bool proc_may(const struct proc *proc, const struct stat *st, unsigned want)
{
	unsigned shift = proc->uid == st->st_uid ? 6 : in_group(proc, st->st_gid) ? 3 : 0;
	return proc->may_all || (st->st_mode >> shift & want) == want;
}

bool proc_may_connect(const struct proc *proc, const char *path, char *at)
{
	struct stat st;
	snprintf(at, PATH_MAX, "%s", path);
	for (char *slash = at; (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (stat(at, &st) == 0 && !proc_may(proc, &st, 1))
			return false;
		*slash = '/';
	}
	return stat(at, &st) < 0 || proc_may(proc, &st, 2);
}

// proc(5), "/proc/pid/maps": "7f..-7f.. rw-s 00000000 00:01 1027 /memfd:mem (deleted)".
enum proc_memory proc_memory_of(const char *root, pid_t pid, unsigned long long inode)
{
	enum proc_memory memory = PROC_MEMORY_UNKNOWN;
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	snprintf(path, sizeof(path), "%s/proc/%d/maps", root, (int)pid);
	FILE *file = fopen(path, "re");
	while (file && memory == PROC_MEMORY_UNKNOWN && getline(&line, &room, file) > 0) {
		unsigned long long its_inode;
		char rights[5];
		if (sscanf(line, "%*x-%*x %4s %*x %*x:%*x %llu", rights, &its_inode) == 2 &&
		    its_inode == inode && inode != 0)
			memory = rights[3] == 'p' ? PROC_MEMORY_PRIVATE : PROC_MEMORY_SHARED;
	}
	free(line);
	if (file)
		fclose(file);
	return memory;
}

// Threads.

// proc(5), "/proc/pid/stat"; the name in brackets may have any characters.
static bool thread_parse(const char *text, struct proc_thread *t)
{
	const unsigned of_kernel = 0x00200000; // PF_KTHREAD
	unsigned flags;
	unsigned long user, system;
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	snprintf(t->name, sizeof(t->name), "%.*s", (int)(close - open - 1), open + 1);
	// From field 3 on: state, ppid, ..., flags (9), utime (14), stime (15), starttime (22),
	// processor (39).
	if (sscanf(close + 1,
		   " %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d "
		   "%llu %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
		   &flags, &user, &system, &t->started, &t->core) != 5)
		return false;
	t->ticks = user + system;
	t->of_kernel = flags & of_kernel;
	return true;
}

static void thread_add(struct proc_threads *threads, const struct proc_thread *t)
{
	if ((threads->n & (threads->n - 1)) == 0) { // full: its room is a power of two
		size_t room = threads->n ? 2 * threads->n : 1;
		struct proc_thread *list = realloc(threads->list, room * sizeof(*list));
		if (!list) {
			threads->cut = true;
			return;
		}
		threads->list = list;
	}
	threads->list[threads->n++] = *t;
}

static void add_threads_of(const char *root, pid_t pid, struct proc_threads *threads)
{
	char text[1024], path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/proc/%d/task", root, (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	for (pid_t tid; (tid = next_pid(dir)) != 0;) {
		struct proc_thread t = {.pid = pid, .tid = tid};
		if (host_read(root, text, sizeof(text), "/proc/%d/task/%d/stat", (int)pid,
			      (int)tid) &&
		    thread_parse(text, &t))
			thread_add(threads, &t);
	}
	closedir(dir);
}

static int by_tid(const void *a, const void *b)
{
	const struct proc_thread *left = a, *right = b;
	return left->tid < right->tid ? -1 : left->tid > right->tid;
}

struct proc_threads proc_threads_read(const char *root)
{
	const size_t threads_max = 20000; // some 5 us each
	struct proc_threads threads = {0};
	DIR *dir = open_proc(root);
	pid_t pid;
	while (dir && (pid = next_pid(dir)) != 0) {
		if (threads.n >= threads_max) {
			threads.cut = true;
			break;
		}
		add_threads_of(root, pid, &threads);
	}
	if (dir)
		closedir(dir);
	if (threads.n > 0)
		qsort(threads.list, threads.n, sizeof(threads.list[0]), by_tid);
	return threads;
}

const struct proc_thread *proc_threads_find(const struct proc_threads *threads,
					    const struct proc_thread *like)
{
	const struct proc_thread *t = threads->n == 0 ? NULL
						      : bsearch(like, threads->list, threads->n,
								sizeof(threads->list[0]), by_tid);
	return t && t->started == like->started ? t : NULL;
}
