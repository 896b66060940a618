// Giving up what a process does not need. Before it starts threads: each has capabilities of its
// own, as its parent had them. 0 or -errno with one line in err.
#ifndef CTL_PRIVILEGES_H
#define CTL_PRIVILEGES_H

#include "ctl/account.h"

#include <stdbool.h>
#include <stdint.h>

#define CAP_BIT(cap) (UINT64_C(1) << (cap)) // of linux/capability.h

// Keeps no more of the process's capabilities than `caps`, for ever: nothing comes back by
// execve(2), either.
int privileges_keep(uint64_t caps, char *err, size_t err_len);
// Becomes that user, with its groups alone, and keeps no capability. A process that is that user
// already needs no privilege for it.
int privileges_become(const struct account *user, char *err, size_t err_len);
// What the calling thread has.
uint64_t privileges_effective(void);

#endif
