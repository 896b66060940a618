#include "datapath/xsk_sockets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define KNOWN_MAX 1024 // of all ports

static uint64_t known[KNOWN_MAX]; // inodes
static unsigned n_known;

// Its inode, 0 when the descriptor is of another file.
static uint64_t xsk_inode(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);
	struct stat st;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_XDP ||
	    fstat(fd, &st) < 0)
		return 0;
	return st.st_ino;
}

static void each(void (*fn)(int fd, uint64_t inode, void *arg), void *arg)
{
	DIR *dir = opendir("/proc/self/fd");
	for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
		// "." and ".." are 0, which is no socket.
		int fd = (int)strtoul(entry->d_name, NULL, 10);
		uint64_t inode = xsk_inode(fd);
		if (inode)
			fn(fd, inode, arg);
	}
	if (dir)
		closedir(dir);
}

static void know(int fd, uint64_t inode, void *arg)
{
	(void)fd;
	(void)arg;
	if (n_known < KNOWN_MAX)
		known[n_known++] = inode;
}

void xsk_sockets_begin(void)
{
	n_known = 0;
	each(know, NULL);
}

static void keep_new(int fd, uint64_t inode, void *arg)
{
	struct xsk_sockets *came = arg;
	for (unsigned i = 0; i < n_known; i++) {
		if (known[i] == inode)
			return;
	}
	if (n_known == KNOWN_MAX || came->n == PORT_QUEUES_MAX)
		return; // not to be told from others'
	came->sockets[came->n].fd = fd;
	came->sockets[came->n++].inode = inode;
}

void xsk_sockets_end(struct xsk_sockets *came)
{
	came->n = 0;
	each(keep_new, came);
}

void xsk_sockets_close(const struct xsk_sockets *sockets)
{
	for (unsigned i = 0; i < sockets->n; i++) {
		if (xsk_inode(sockets->sockets[i].fd) == sockets->sockets[i].inode)
			close(sockets->sockets[i].fd);
	}
}
