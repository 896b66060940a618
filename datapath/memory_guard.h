// Memory that a peer has shared and may take away under us, by making its file shorter or a hole in
// it: whoever touches it then gets SIGBUS, which would end the process. What is guarded gets pages
// of zeros in its place instead, and is known as lost.
//
// Any thread may call these; all threads that touch guarded memory have SIGBUS unblocked.
#ifndef DATAPATH_MEMORY_GUARD_H
#define DATAPATH_MEMORY_GUARD_H

#include <stdbool.h>
#include <stddef.h>

// Who shares memory with us, where that is more than one mapping.
struct memory_owner {
	// A mapping is lost, and its zeros are there: in a signal handler of the thread that
	// touched it.
	void (*lost)(struct memory_owner *owner);
};

// Guards a whole mapping, until memory_guard_del(), which comes before munmap() and when no other
// thread touches it any more. Its slot, -ENOSPC when there are too many, or -errno. NULL: no owner.
int memory_guard_add(void *addr, size_t len, struct memory_owner *owner);
void memory_guard_del(int slot);
bool memory_guard_lost(int slot);

// What this thread maps of shared files from now on is this owner's and guarded, until munmap() of
// any thread; NULL: no more. For a library that maps for us, and touches it before it returns.
void memory_guard_mappings(struct memory_owner *owner);
// Whether any of the owner's mappings is lost.
bool memory_owner_lost(const struct memory_owner *owner);

#endif
