// Memory that a peer has shared and may take away under us, by making its file shorter or a hole in
// it: whoever touches it then gets SIGBUS, which would end the process. What is guarded gets pages
// of zeros in its place instead, and is known as lost.
#ifndef MEMIF_GUARD_H
#define MEMIF_GUARD_H

#include <stdbool.h>
#include <stddef.h>

// Guards a whole mapping, until memif_guard_del(), which comes before munmap(). Its slot, -ENOSPC
// when there are too many, or -errno. Control thread; all threads that touch it have SIGBUS
// unblocked.
int memif_guard_add(void *addr, size_t len);
void memif_guard_del(int slot);
bool memif_guard_lost(int slot);

#endif
