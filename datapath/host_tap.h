// Taps that outlive the program that made them.
#ifndef DATAPATH_HOST_TAP_H
#define DATAPATH_HOST_TAP_H

#include <stdbool.h>
#include <stdint.h>

struct host_tap {
	uint8_t mac[6];
	unsigned mtu;
};

// Whether the interface is a tap of several queues that was left to be taken up again, and nobody
// has a queue of it now. Control thread.
bool host_tap_is_left(const char *name, struct host_tap *out);
void host_tap_delete(const char *name); // one that is left
// The tap of this queue goes when its last queue is closed.
void host_tap_let_go(int fd);

#endif
