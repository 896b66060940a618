// The XDP program that hands the frames of an interface's queues to AF_XDP sockets. It is the one
// that libxdp brings along: a socket that libxdp makes looks for it, and joins the one that it
// finds on the interface. DPDK's af_xdp driver would have it loaded in native mode or not at all.
#ifndef DATAPATH_XSK_PROGRAM_H
#define DATAPATH_XSK_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

enum xsk_mode {
	XSK_AUTO,    // native where the driver takes it, else generic
	XSK_NATIVE,  // in the driver
	XSK_GENERIC, // behind the driver, of any interface, with a copy more
};

struct xsk_program {
	int link; // a descriptor
	bool generic;
	int native_rc; // of XSK_AUTO that came out generic: what native mode failed with, -errno
};

// Attaches it to the interface, for its queues below n_queues. It is attached until
// xsk_program_detach(), or until this process ends, however it ends. 0, or -errno with one line in
// err: -EBUSY when a program is there already. Control thread.
int xsk_program_attach(const char *iface, unsigned n_queues, enum xsk_mode mode,
		       struct xsk_program *out, char *err, size_t err_len);
// The device that uses it runs. Closing, DPDK's driver will try to take the program off, which only
// the detach does, and be told so by the kernel: driver and libbpf say no errors until the next
// attach, or the last detach.
void xsk_program_settled(void);
void xsk_program_detach(struct xsk_program *program);
// Why there is no native mode, after "its driver ".
const char *xsk_native_refusal(int native_rc);

#endif
