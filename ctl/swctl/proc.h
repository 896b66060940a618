// Processes of this host, by /proc. Paths start with `root`, "" on a host. What may not be read is
// left out.
#ifndef CTL_SWCTL_PROC_H
#define CTL_SWCTL_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define PROC_GROUPS_MAX 64

struct proc {
	pid_t pid;
	char name[32];
	uid_t uid; // effective, as gid
	gid_t gid;
	bool may_all; // root's right to pass over modes (CAP_DAC_OVERRIDE)
	unsigned n_groups;
	gid_t groups[PROC_GROUPS_MAX]; // more are left out
};

// false: no such process.
bool proc_read(const char *root, pid_t pid, struct proc *proc);
// The first process, other than `not_this` and ourselves, with an argument that has `text` at its
// end or before a comma, as QEMU's have paths. false: none.
bool proc_find_argument(const char *root, const char *text, pid_t not_this, struct proc *proc);
// Whether the process may do to a file what the bits of `want` say (4 read, 2 write, 1 search).
bool proc_may(const struct proc *proc, const struct stat *st, unsigned want);
// Whether it may connect to a socket: write to it, and search the folders above. When not, `at`
// (PATH_MAX bytes) is what is in the way. A path that is not there is in nobody's way.
bool proc_may_connect(const struct proc *proc, const char *path, char *at);

// How a process has mapped a file.
enum proc_memory { PROC_MEMORY_UNKNOWN, PROC_MEMORY_SHARED, PROC_MEMORY_PRIVATE };

enum proc_memory proc_memory_of(const char *root, pid_t pid, unsigned long long inode);

// A moment of a thread's life.
struct proc_thread {
	pid_t pid, tid;
	char name[32];
	int core; // that it ran on last
	bool of_kernel;
	unsigned long ticks;	    // of processor time, sysconf(_SC_CLK_TCK) a second
	unsigned long long started; // with tid: who it is
};

struct proc_threads {
	struct proc_thread *list; // by tid; to be freed
	size_t n;
	bool cut; // there were more than could be looked at
};

// All threads, within about a tenth of a second.
struct proc_threads proc_threads_read(const char *root);
const struct proc_thread *proc_threads_find(const struct proc_threads *threads,
					    const struct proc_thread *like);

#endif
