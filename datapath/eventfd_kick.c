#define _GNU_SOURCE // syscall
#include "datapath/eventfd_kick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM  64 // completions, at least; the kernel makes it several for each processor
#define TRIES 16 // when others' completions are in the way

// The start of the ring of completions, which stands at the context's address (fs/aio.c).
struct completions {
	uint32_t id, n;
	uint32_t head; // ours
	uint32_t tail; // the kernel's
};

// For the whole process, until its end.
static aio_context_t context;
static int nothing;

int eventfd_kick_init(char *err, size_t err_len)
{
	if (context)
		return 0;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && syscall(SYS_io_setup, ROOM, &context) == 0) {
		nothing = fd;
		return 0;
	}
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	snprintf(err, err_len, "no asynchronous I/O in this kernel: %s%s", strerror(-rc),
		 rc == -EAGAIN ? ": raise fs.aio-max-nr" : "");
	return rc;
}

int eventfd_kick_send(int fd)
{
	struct completions *done = (struct completions *)(uintptr_t)context;
	struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD,
			    .aio_fildes = (uint32_t)nothing,
			    .aio_flags = IOCB_FLAG_RESFD,
			    .aio_resfd = (uint32_t)fd};
	struct iocb *one = &read;
	int rc = -EAGAIN;
	for (unsigned i = 0; i < TRIES && rc == -EAGAIN; i++) {
		// Nobody reads completions: their room is the kernel's again. Of two threads, the
		// later one may put back an older head, hence the tries.
		__atomic_store_n(&done->head, __atomic_load_n(&done->tail, __ATOMIC_RELAXED),
				 __ATOMIC_RELEASE);
		rc = syscall(SYS_io_submit, context, 1, &one) == 1 ? 0 : -errno;
	}
	return rc;
}
