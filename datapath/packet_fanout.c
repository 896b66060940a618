// A switch forwards IP fragments as they came. DPDK's AF_PACKET driver (22.11) asks the kernel to
// put them together first, in each of its sockets: what comes out is longer than the next interface
// takes, and nobody can say it was fragments. There is no option for it, and the kernel has no way
// back from it, so its calls pass here: swd exports this name, which the driver then finds before
// the C library's.
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int fanout; // the group's number, its type and flags << 16
	if (level == SOL_PACKET && name == PACKET_FANOUT && len == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~(PACKET_FANOUT_FLAG_DEFRAG << 16);
		value = &fanout;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}
