// The front end's side of the vhost-user protocol, for one queue pair.
#ifndef BENCH_VHOST_USER_H
#define BENCH_VHOST_USER_H

#include "tests/bench/ring.h"

// All return 0 or -errno, with a text in err. Both wait for at most timeout_s.
int vhost_user_listen(const char *path, int *listener, char *err, size_t err_len);
int vhost_user_accept(int listener, double timeout_s, int *sock, char *err, size_t err_len);
int vhost_user_connect(const char *path, double timeout_s, int *sock, char *err, size_t err_len);

// Agrees on `features` (virtio's bits), shares the memory and starts the two rings.
int vhost_user_start(int sock, uint64_t features, const struct guest_memory *mem,
		     const struct ring *rx, const struct ring *tx, char *err, size_t err_len);

// Shares other memory, once started: the rings stay at their addresses.
int vhost_user_memory(int sock, const struct guest_memory *mem, char *err, size_t err_len);

// False once the switch has hung up.
bool vhost_user_alive(int sock);

#endif
