#include "memif/memif_guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#define SLOTS 4096

static struct slot {
	uintptr_t start; // 0: free. Set last, cleared first. Writer: control thread
	size_t len;
	bool lost; // writer: who touched it
} slots[SLOTS];
static struct sigaction before;

static struct slot *slot_find(uintptr_t addr)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		uintptr_t start = __atomic_load_n(&slots[i].start, __ATOMIC_ACQUIRE);
		if (start && addr - start < slots[i].len)
			return &slots[i];
	}
	return NULL;
}

// Calls only what is safe in a signal handler. Two threads may do it at a time: both get zeros.
static void on_sigbus(int signal_no, siginfo_t *info, void *context)
{
	int saved = errno;
	struct slot *slot = slot_find((uintptr_t)info->si_addr);
	(void)context;
	if (!slot ||
	    mmap((void *)slot->start, slot->len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		sigaction(signal_no, &before, NULL); // it comes again, for who was there before us
	else
		__atomic_store_n(&slot->lost, true, __ATOMIC_RELAXED);
	errno = saved;
}

// Unless it is there already.
static int install(void)
{
	struct sigaction now,
	    action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &now) < 0)
		return -errno;
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus)
		return 0;
	before = now;
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int memif_guard_add(void *addr, size_t len)
{
	int rc = install();
	if (rc < 0)
		return rc;
	for (int i = 0; i < SLOTS; i++) {
		if (slots[i].start)
			continue;
		slots[i].len = len;
		slots[i].lost = false;
		__atomic_store_n(&slots[i].start, (uintptr_t)addr, __ATOMIC_RELEASE);
		return i;
	}
	return -ENOSPC;
}

void memif_guard_del(int slot)
{
	__atomic_store_n(&slots[slot].start, 0, __ATOMIC_RELEASE);
}

bool memif_guard_lost(int slot)
{
	return __atomic_load_n(&slots[slot].lost, __ATOMIC_RELAXED);
}
