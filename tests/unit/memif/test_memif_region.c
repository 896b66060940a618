// Memory that is shared with a peer, who may take it away.
#define _GNU_SOURCE // memfd_create
#include "datapath/eventfd_kick.h"
#include "memif/memif_region.h"
#include "tests/unit/memif/memif_test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define SIZE 65536

static char err[160];

static int memory_file(off_t size)
{
	int fd = memfd_create("test", 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void both_ends_see_one_memory(void **state)
{
	struct memif_region ours, theirs;
	(void)state;
	unsigned before = n_files();
	assert_int_equal(memif_region_create(&ours, SIZE, err, sizeof(err)), 0);
	assert_int_equal(memif_region_map(&theirs, SIZE, dup(ours.fd), err, sizeof(err)), 0);
	ours.addr[SIZE - 1] = 7;
	assert_int_equal(theirs.addr[SIZE - 1], 7);
	assert_int_equal(ftruncate(ours.fd, 0), -1); // nobody takes away what we have made
	memif_region_close(&theirs);
	memif_region_close(&ours);
	await_files(before);
}

static void what_is_no_memory_of_that_size_is_refused(void **state)
{
	int pipe_ends[2];
	(void)state;
	unsigned before = n_files();
	assert_int_equal(pipe(pipe_ends), 0);
	const struct {
		int fd;
		uint64_t size;
		const char *word;
	} rows[] = {
	    {pipe_ends[0], SIZE, "not memory"},
	    {pipe_ends[1], SIZE, "not memory"},
	    {open("/proc/self/exe", O_RDONLY), 1, "not memory"},
	    {open("/dev/zero", O_RDWR), SIZE, "not memory"},
	    {eventfd(0, 0), SIZE, "not memory"},
	    {memory_file(SIZE), 0, "0 bytes"},
	    {memory_file(SIZE), SIZE + 1, "65537 bytes in a file of 65536"},
	    {memory_file(SIZE), UINT64_MAX, "in a file of 65536"},
	    {memory_file(2ll << 30), 2ull << 30, "the most is"},
	};
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct memif_region region;
		assert_true(rows[i].fd >= 0);
		assert_int_equal(memif_region_map(&region, rows[i].size, rows[i].fd, err,
						  sizeof(err)),
				 -EINVAL);
		says(err, rows[i].word);
	}
	await_files(before);
}

static void a_file_that_is_cut_off_gives_zeros(void **state)
{
	struct memif_region cut, other;
	(void)state;
	int fd = memory_file(SIZE);
	assert_int_equal(memif_region_map(&cut, SIZE, dup(fd), err, sizeof(err)), 0);
	assert_int_equal(memif_region_map(&other, SIZE, memory_file(SIZE), err, sizeof(err)), 0);
	memset(cut.addr, 1, SIZE);
	memset(other.addr, 2, SIZE);
	assert_int_equal(ftruncate(fd, 0), 0);
	volatile uint8_t *bytes = cut.addr;
	assert_int_equal(bytes[5], 0);
	bytes[SIZE - 1] = 3;
	assert_int_equal(bytes[SIZE - 1], 3);
	assert_true(memif_region_lost(&cut));
	assert_false(memif_region_lost(&other));
	assert_int_equal(other.addr[5], 2);
	memif_region_close(&cut);
	memif_region_close(&other);
	close(fd);
}

static sigjmp_buf allocator;

static void allocator_jump(int signal_no)
{
	(void)signal_no;
	siglongjmp(allocator, 1);
}

static void *read_first_byte(void *arg)
{
	volatile uint8_t *bytes = arg;
	return (void *)(uintptr_t)(bytes[0] + 1u);
}

// As DPDK's does; its handler in another thread would be the end of both.
static void an_allocator_that_takes_sigbus_meanwhile_gets_its_own_only(void **state)
{
	const struct sigaction taken = {.sa_handler = allocator_jump};
	struct sigaction before, after;
	struct memif_region cut;
	pthread_t pmd;
	void *byte;
	(void)state;
	int fd = memory_file(SIZE), full = memory_file(0);
	assert_int_equal(memif_region_map(&cut, SIZE, dup(fd), err, sizeof(err)), 0);
	volatile uint8_t *beyond = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, full, 0);
	memset(cut.addr, 1, SIZE);

	assert_int_equal(sigaction(SIGBUS, &taken, &before), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pthread_create(&pmd, NULL, read_first_byte, cut.addr), 0);
	assert_int_equal(pthread_join(pmd, &byte), 0);
	assert_int_equal((uintptr_t)byte, 1);
	for (unsigned i = 0; i < 2; i++) { // it is its own the second time too
		if (sigsetjmp(allocator, 1) == 0) {
			*beyond = 1;
			fail();
		}
	}
	assert_int_equal(sigaction(SIGBUS, &before, &after), 0);
	assert_true(after.sa_handler == allocator_jump);

	// The libraries call the same one.
	assert_true(dlsym(RTLD_DEFAULT, "sigaction") == (void *)(uintptr_t)sigaction);
	munmap((void *)(uintptr_t)beyond, SIZE);
	memif_region_close(&cut);
	close(full);
	close(fd);
}

// A write() would hang here.
static void a_full_counter_does_not_stop_who_kicks(void **state)
{
	uint64_t full = UINT64_MAX - 1, count;
	(void)state;
	int fd = eventfd(0, 0), file = open("/dev/zero", O_RDWR);
	assert_int_equal(eventfd_kick_init(err, sizeof(err)), 0);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(eventfd_kick_send(fd), 0);
	assert_int_equal(read(fd, &count, 8), 8);
	assert_int_equal(count, 3000);
	assert_int_equal(write(fd, &full, 8), 8);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(eventfd_kick_send(fd), 0);
	assert_int_equal(eventfd_kick_send(file), -EINVAL);
	close(file);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ends_see_one_memory),
	    cmocka_unit_test(what_is_no_memory_of_that_size_is_refused),
	    cmocka_unit_test(a_file_that_is_cut_off_gives_zeros),
	    cmocka_unit_test(an_allocator_that_takes_sigbus_meanwhile_gets_its_own_only),
	    cmocka_unit_test(a_full_counter_does_not_stop_who_kicks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
