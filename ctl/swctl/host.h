// What the kernel says of this host in /proc and /sys. Paths start with `root`, "" on a host. What
// is not there, or may not be read, counts as empty.
#ifndef CTL_SWCTL_HOST_H
#define CTL_SWCTL_HOST_H

#include <stdbool.h>
#include <stddef.h>

// The start of a file, to the end of it or of buf, ended by a zero. The path is formatted. false:
// "", it cannot be read.
bool host_read(const char *root, char *buf, size_t len, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// The same of one line, without its end.
bool host_line(const char *root, char *buf, size_t len, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// A file's number; -1 when there is none.
long long host_number(const char *root, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Whether a list such as "0-3,8" has a number.
bool host_list_has(const char *list, unsigned number);

// Huge pages of one size on one NUMA node.
struct host_hugepages {
	unsigned node;
	unsigned long size_kb;
	long long total, free;
};

// Fills up to `max` of them, in order of node and size. Returns how many there are.
unsigned host_hugepages_list(const char *root, struct host_hugepages *list, unsigned max);

// A socket of the file system, as /proc/net/unix has it.
struct host_socket {
	bool bound;	// somebody holds what was bound to this path
	bool listening; // and listens
	unsigned long inode;
};

struct host_socket host_socket_find(const char *root, const char *path);

#endif
