#define _GNU_SOURCE // RTLD_NEXT
#include "datapath/memory_guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#define SLOTS 16384 // more than the regions and logs of all ports

// ThreadSanitizer's own start maps memory, before it can be told of anything.
#define EARLY __attribute__((no_sanitize_thread))

static struct slot {
	uintptr_t start; // 0: free. Set last, cleared first. Writer: who has `lock`
	size_t len;	 // as above
	struct memory_owner *owner;
	bool lost; // writer: who touched it
} slots[SLOTS];
static int n_slots; // that have ever been used
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool installed;
static struct sigaction others;			  // who else wants SIGBUS
static __thread struct memory_owner *mappings_of; // what this thread maps

// What a slot guards, if that is around addr. Another mapping may take the slot at this moment.
static bool slot_covers(const struct slot *slot, uintptr_t addr, uintptr_t *start, size_t *len)
{
	*start = __atomic_load_n(&slot->start, __ATOMIC_ACQUIRE);
	*len = __atomic_load_n(&slot->len, __ATOMIC_ACQUIRE);
	// Both are of one mapping: a new length is written after the old start is gone.
	return *start && addr - *start < *len &&
	       __atomic_load_n(&slot->start, __ATOMIC_RELAXED) == *start;
}

// The C library's.
EARLY static void *map(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off64_t);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "mmap64");
	return next(addr, len, prot, flags, fd, offset);
}

static bool zeros_put(uintptr_t addr)
{
	uintptr_t start;
	size_t len;
	for (int i = 0, n = __atomic_load_n(&n_slots, __ATOMIC_ACQUIRE); i < n; i++) {
		if (!slot_covers(&slots[i], addr, &start, &len))
			continue;
		if (map((void *)start, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			0) == MAP_FAILED)
			return false;
		// Either the owner sees to it now, or who asks from here on finds it lost.
		__atomic_store_n(&slots[i].lost, true, __ATOMIC_SEQ_CST);
		if (slots[i].owner)
			slots[i].owner->lost(slots[i].owner);
		return true;
	}
	return false;
}

// The C library's.
static int install(int signal_no, const struct sigaction *action, struct sigaction *old)
{
	static int (*next)(int, const struct sigaction *, struct sigaction *);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sigaction");
	return next(signal_no, action, old);
}

// DPDK makes SIGBUS its own for as long as it takes a hugepage (eal_memalloc.c), and its handler
// jumps to where the thread stands that takes it, whichever thread it is called in. So who asks for
// SIGBUS gets what is left of it. This definition comes before the C library's for all libraries.
int sigaction(int signal_no, const struct sigaction *restrict action,
	      struct sigaction *restrict old)
{
	if (signal_no != SIGBUS || !installed)
		return install(signal_no, action, old);
	struct sigaction now = others;
	if (action)
		others = *action;
	if (old)
		*old = now;
	return 0;
}

static void pass_on(int signal_no, siginfo_t *info, void *context)
{
	if (others.sa_flags & SA_SIGINFO)
		others.sa_sigaction(signal_no, info, context);
	else if (others.sa_handler != SIG_DFL && others.sa_handler != SIG_IGN)
		others.sa_handler(signal_no);
	else
		install(signal_no, &others, NULL); // it comes again
}

// Calls only what is safe in a signal handler. Two threads may do it at a time: both get zeros.
static void on_sigbus(int signal_no, siginfo_t *info, void *context)
{
	int saved = errno;
	if (!zeros_put((uintptr_t)info->si_addr))
		pass_on(signal_no, info, context);
	errno = saved;
}

// Unless it is there already: signal() goes past our sigaction().
static int guard_install(void)
{
	struct sigaction now,
	    action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigemptyset(&action.sa_mask);
	if (install(SIGBUS, NULL, &now) < 0)
		return -errno;
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus)
		return 0;
	others = now;
	installed = true;
	return install(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

// Under `lock`.
static int slot_take(void *addr, size_t len, struct memory_owner *owner)
{
	for (int i = 0; i < SLOTS; i++) {
		if (slots[i].start)
			continue;
		slots[i].lost = false;
		slots[i].owner = owner;
		__atomic_store_n(&slots[i].len, len, __ATOMIC_RELEASE);
		__atomic_store_n(&slots[i].start, (uintptr_t)addr, __ATOMIC_RELEASE);
		if (i >= n_slots)
			__atomic_store_n(&n_slots, i + 1, __ATOMIC_RELEASE);
		return i;
	}
	return -ENOSPC;
}

int memory_guard_add(void *addr, size_t len, struct memory_owner *owner)
{
	pthread_mutex_lock(&lock);
	int rc = guard_install();
	if (rc == 0)
		rc = slot_take(addr, len, owner);
	pthread_mutex_unlock(&lock);
	return rc;
}

// Under `lock`.
static void slot_free(struct slot *slot)
{
	__atomic_store_n(&slot->start, 0, __ATOMIC_RELEASE);
}

void memory_guard_del(int slot)
{
	pthread_mutex_lock(&lock);
	slot_free(&slots[slot]);
	pthread_mutex_unlock(&lock);
}

bool memory_guard_lost(int slot)
{
	return __atomic_load_n(&slots[slot].lost, __ATOMIC_RELAXED);
}

// What a library maps.

void memory_guard_mappings(struct memory_owner *owner)
{
	mappings_of = owner;
}

bool memory_owner_lost(const struct memory_owner *owner)
{
	bool lost = false;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < n_slots && !lost; i++)
		lost = slots[i].start && slots[i].owner == owner &&
		       __atomic_load_n(&slots[i].lost, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&lock);
	return lost;
}

// DPDK's allocator, which may run in the same thread, gives a place.
EARLY static bool is_a_peers(int flags, int fd)
{
	return mappings_of && fd >= 0 && (flags & MAP_SHARED) && !(flags & MAP_FIXED);
}

// As sigaction() above. Libraries call it by either name.
EARLY void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	void *mapped = map(addr, len, prot, flags, fd, offset);
	if (mapped == MAP_FAILED || !is_a_peers(flags, fd) ||
	    memory_guard_add(mapped, len, mappings_of) >= 0)
		return mapped;
	munmap(mapped, len);
	errno = ENOMEM;
	return MAP_FAILED;
}

EARLY void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap64(addr, len, prot, flags, fd, offset);
}

EARLY int munmap(void *addr, size_t len)
{
	static int (*next)(void *, size_t);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "munmap");
	pthread_mutex_lock(&lock);
	for (int i = 0; i < n_slots; i++) {
		if (slots[i].owner && slots[i].start == (uintptr_t)addr)
			slot_free(&slots[i]);
	}
	pthread_mutex_unlock(&lock);
	return next(addr, len);
}
