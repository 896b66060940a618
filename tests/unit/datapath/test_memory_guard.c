// What a library maps for an owner is guarded from the moment of its mapping until its munmap().
#define _GNU_SOURCE // memfd_create, RTLD_DEFAULT
#include "datapath/memory_guard.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <rte_vhost.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 65536

static unsigned n_lost;
static struct memory_owner *who_lost;

static void lost(struct memory_owner *owner)
{
	n_lost++;
	who_lost = owner;
}

static int file_of(off_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static volatile uint8_t *map_as(struct memory_owner *owner, int fd)
{
	memory_guard_mappings(owner);
	void *addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory_guard_mappings(NULL);
	assert_ptr_not_equal(addr, MAP_FAILED);
	return addr;
}

static void *read_byte(void *bytes)
{
	return (void *)(uintptr_t)((volatile uint8_t *)bytes)[5];
}

static void an_owner_hears_of_what_it_has_lost(void **state)
{
	struct memory_owner a = {.lost = lost}, b = {.lost = lost};
	int files[] = {file_of(SIZE), file_of(SIZE)};
	volatile uint8_t *cut = map_as(&a, files[0]), *whole = map_as(&b, files[1]);
	pthread_t thread;
	void *byte;
	(void)state;

	cut[5] = 1;
	whole[5] = 2;
	n_lost = 0;
	assert_int_equal(ftruncate(files[0], 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_byte, (void *)(uintptr_t)cut), 0);
	assert_int_equal(pthread_join(thread, &byte), 0);
	assert_int_equal((uintptr_t)byte, 0);
	assert_int_equal(n_lost, 1);
	assert_ptr_equal(who_lost, &a);
	assert_true(memory_owner_lost(&a));
	assert_false(memory_owner_lost(&b));
	assert_int_equal(whole[5], 2);

	// Other memory, and nothing is lost.
	munmap((void *)(uintptr_t)cut, SIZE);
	assert_false(memory_owner_lost(&a));
	munmap((void *)(uintptr_t)whole, SIZE);
	close(files[0]);
	close(files[1]);
}

// Zeros are there before the first touch returns, so a file that is short from the start does.
static void a_short_file_is_no_end(void **state)
{
	struct memory_owner owner = {.lost = lost};
	int fd = file_of(4096);
	volatile uint8_t *bytes = map_as(&owner, fd);
	(void)state;

	bytes[0] = 7;
	assert_int_equal(bytes[0], 7);
	assert_false(memory_owner_lost(&owner));
	bytes[SIZE - 1] = 7;
	assert_int_equal(bytes[SIZE - 1], 7);
	assert_true(memory_owner_lost(&owner));
	munmap((void *)(uintptr_t)bytes, SIZE);
	close(fd);
}

static void libraries_map_through_us(void **state)
{
	(void)state;
	assert_true(rte_vhost_get_vring_num(-1) == 0); // librte_vhost is there
	assert_true(dlsym(RTLD_DEFAULT, "mmap64") == (void *)(uintptr_t)mmap64);
	assert_true(dlsym(RTLD_DEFAULT, "mmap") == (void *)(uintptr_t)mmap);
	assert_true(dlsym(RTLD_DEFAULT, "munmap") == (void *)(uintptr_t)munmap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_owner_hears_of_what_it_has_lost),
	    cmocka_unit_test(a_short_file_is_no_end),
	    cmocka_unit_test(libraries_map_through_us),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
