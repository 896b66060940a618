#include "ctl/swctl/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX     64
#define ACCEPTS_CONNS 0x10000 // of a socket's flags: the kernel's __SO_ACCEPTCON

static bool path_of(const char *root, char path[PATH_MAX], const char *fmt, va_list args)
{
	size_t used = (size_t)snprintf(path, PATH_MAX, "%s", root);
	if (used >= PATH_MAX)
		return false;
	int len = vsnprintf(path + used, PATH_MAX - used, fmt, args);
	return len >= 0 && (size_t)len < PATH_MAX - used;
}

static bool read_start(const char *path, char *buf, size_t len)
{
	size_t used = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	buf[0] = '\0';
	if (fd < 0)
		return false;
	while (used + 1 < len) {
		n = read(fd, buf + used, len - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	close(fd);
	buf[used] = '\0';
	return used > 0;
}

static bool read_at(const char *root, char *buf, size_t len, const char *fmt, va_list args)
{
	char path[PATH_MAX];
	buf[0] = '\0';
	return path_of(root, path, fmt, args) && read_start(path, buf, len);
}

bool host_read(const char *root, char *buf, size_t len, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	bool done = read_at(root, buf, len, fmt, args);
	va_end(args);
	return done;
}

bool host_line(const char *root, char *buf, size_t len, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	bool done = read_at(root, buf, len, fmt, args);
	va_end(args);
	buf[strcspn(buf, "\n")] = '\0';
	return done;
}

long long host_number(const char *root, const char *fmt, ...)
{
	char text[32], *end;
	va_list args;
	va_start(args, fmt);
	bool done = read_at(root, text, sizeof(text), fmt, args);
	va_end(args);
	if (!done)
		return -1;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	return errno || end == text ? -1 : number;
}

bool host_list_has(const char *list, unsigned number)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;
		if (end == list)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (number >= first && number <= last)
			return true;
		list = *end == ',' ? end + 1 : "";
	}
	return false;
}

static int by_size(const void *a, const void *b)
{
	const struct host_hugepages *left = a, *right = b;
	return left->size_kb < right->size_kb ? -1 : left->size_kb > right->size_kb;
}

// Sizes of one node, after the first `n` of the list. The new number.
static unsigned hugepages_of_node(const char *root, unsigned node, struct host_hugepages *list,
				  unsigned n, unsigned max)
{
	char path[PATH_MAX];
	unsigned first = n;
	snprintf(path, sizeof(path), "%s/sys/devices/system/node/node%u/hugepages", root, node);
	DIR *dir = opendir(path);
	if (!dir)
		return n;
	for (struct dirent *e; n < max && (e = readdir(dir)) != NULL;) {
		unsigned long size_kb;
		if (sscanf(e->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		static const char where[] =
		    "/sys/devices/system/node/node%u/hugepages/hugepages-%lukB/%s";
		list[n] = (struct host_hugepages){.node = node, .size_kb = size_kb};
		list[n].total = host_number(root, where, node, size_kb, "nr_hugepages");
		list[n].free = host_number(root, where, node, size_kb, "free_hugepages");
		n++;
	}
	closedir(dir);
	qsort(list + first, n - first, sizeof(list[0]), by_size);
	return n;
}

unsigned host_hugepages_list(const char *root, struct host_hugepages *list, unsigned max)
{
	unsigned n = 0;
	for (unsigned node = 0; node < NODES_MAX; node++)
		n = hugepages_of_node(root, node, list, n, max);
	return n;
}

// "ffff8880: 00000002 00000000 00010000 0001 01 12345 /run/swd/vm1.sock"; the path may have spaces.
static bool socket_parse(const char *line, const char *path, struct host_socket *socket)
{
	unsigned flags;
	unsigned long inode;
	int at = 0;
	if (sscanf(line, "%*[^:]: %*x %*x %x %*x %*x %lu %n", &flags, &inode, &at) != 2 ||
	    at == 0 || strcmp(line + at, path) != 0)
		return false;
	*socket =
	    (struct host_socket){.bound = true, .listening = flags & ACCEPTS_CONNS, .inode = inode};
	return true;
}

struct host_socket host_socket_find(const char *root, const char *path)
{
	struct host_socket found = {0}, socket;
	char name[PATH_MAX], *line = NULL;
	size_t room = 0;
	snprintf(name, sizeof(name), "%s/proc/net/unix", root);
	FILE *file = fopen(name, "re");
	if (!file)
		return found;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		// Connections that a listener accepted have its path, too.
		if (socket_parse(line, path, &socket) && !found.listening)
			found = socket;
	}
	free(line);
	fclose(file);
	return found;
}
