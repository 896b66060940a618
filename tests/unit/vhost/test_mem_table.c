#define _GNU_SOURCE // memfd_create

#include "vhost/mem_table.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB   (1ULL << 20)
#define BASE 0x100000000ULL
#define USER 0x7f0000000000ULL

static char err[256];

static int file_of(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static int lowest_free_fd(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

static unsigned n_mappings(void)
{
	unsigned n = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	assert_non_null(maps);
	for (int c = fgetc(maps); c != EOF; c = fgetc(maps))
		n += c == '\n';
	fclose(maps);
	return n;
}

// ThreadSanitizer's shadow is mapped beside all, and takes most addresses.
static void needs_own_mappings(void)
{
#ifdef __SANITIZE_THREAD__
	skip();
#endif
}

static struct mem_region region(unsigned i, uint64_t size, uint64_t offset)
{
	return (struct mem_region){BASE + i * MB, size, USER + i * MB, offset};
}

static void refused(const struct mem_region *regions, const int *fds, unsigned n, const char *word)
{
	err[0] = '\0';
	if (mem_table_check(regions, fds, n, err, sizeof(err)) >= 0 || !strstr(err, word))
		fail_msg("not refused, or \"%s\" does not say \"%s\"", err, word);
}

static void takes_up_to_eight_regions_and_leaves_no_mapping(void **state)
{
	(void)state;
	needs_own_mappings();
	struct mem_region regions[MESSAGE_FDS_MAX];
	int fd = file_of(8 * MB), fds[MESSAGE_FDS_MAX];
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++) {
		regions[i] = region(i, MB, i * MB);
		fds[i] = fd;
	}
	unsigned before = n_mappings();
	for (unsigned n = 1; n <= MESSAGE_FDS_MAX; n++)
		assert_int_equal(mem_table_check(regions, fds, n, err, sizeof(err)), 0);
	fds[7] = -1;
	refused(regions, fds, 8, "region 7: Bad file descriptor");
	assert_int_equal(n_mappings(), before);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void refuses_a_count_that_is_none(void **state)
{
	(void)state;
	refused(NULL, NULL, 0, "0 regions");
	refused(NULL, NULL, 9, "9 regions");
	refused(NULL, NULL, UINT32_MAX, "4294967295 regions");
}

static void refuses_numbers_that_make_no_region(void **state)
{
	(void)state;
	int fd = file_of(MB);
	struct mem_region r = region(0, 0, 0);
	refused(&r, &fd, 1, "empty");
	r = region(0, MB, UINT64_MAX - MB + 1);
	refused(&r, &fd, 1, "2^64");
	r = region(0, MB, 0);
	r.guest_addr = UINT64_MAX - MB + 1;
	refused(&r, &fd, 1, "2^64");
	r = region(0, MB, 0);
	r.user_addr = UINT64_MAX;
	refused(&r, &fd, 1, "2^64");
	close(fd);
}

static void refuses_regions_that_overlap(void **state)
{
	(void)state;
	int fd = file_of(MB), fds[3] = {fd, fd, fd};
	struct mem_region regions[3] = {region(0, MB, 0), region(2, MB, 0), region(1, MB, 0)};
	assert_int_equal(mem_table_check(regions, fds, 3, err, sizeof(err)), 0);
	regions[2].guest_addr++;
	refused(regions, fds, 3, "regions 1 and 2 overlap");
	regions[2].guest_addr -= 2;
	refused(regions, fds, 3, "regions 0 and 2 overlap");
	close(fd);
}

static void refuses_what_the_file_does_not_hold(void **state)
{
	(void)state;
	int fd = file_of(MB);
	struct mem_region r = region(0, MB, 1);
	refused(&r, &fd, 1, "ends at 0x100001 of a file of 0x100000 bytes");
	r = region(0, MB + 1, 0);
	refused(&r, &fd, 1, "of a file of");
	r = region(0, MB - 1, 1);
	assert_int_equal(mem_table_check(&r, &fd, 1, err, sizeof(err)), 0);
	close(fd);
}

static void refuses_what_cannot_be_mapped(void **state)
{
	(void)state;
	struct mem_region r = region(0, MB, 0);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	refused(&r, &pipes[0], 1, "region 0 of 0x100000 bytes: ");
	close(pipes[0]);
	close(pipes[1]);

	// A file that may only be read, and one that is larger than the address space.
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	r = region(0, 4096, 0);
	refused(&r, &fd, 1, "Permission denied");
	close(fd);
	fd = file_of(1ULL << 60);
	r = region(0, 1ULL << 60, 0);
	refused(&r, &fd, 1, "region 0 of 0x1000000000000000 bytes: Cannot allocate memory");
	close(fd);
}

static void refuses_regions_that_fit_only_one_at_a_time(void **state)
{
	(void)state;
	needs_own_mappings();
	const uint64_t size = 1ULL << 45; // of the 2^47 that a process has
	struct mem_region regions[MESSAGE_FDS_MAX];
	int fd = file_of(size), fds[MESSAGE_FDS_MAX];
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++) {
		regions[i] = (struct mem_region){i * size, size, i * size, 0};
		fds[i] = fd;
		assert_int_equal(mem_table_check(&regions[i], &fd, 1, err, sizeof(err)), 0);
	}
	refused(regions, fds, MESSAGE_FDS_MAX, "Cannot allocate memory");
	close(fd);
}

static struct message message_of(unsigned n_regions, int fd)
{
	struct message m = {.request = MESSAGE_SET_MEM_TABLE, .size = 8 + 32 * n_regions};
	m.mem.n_regions = n_regions;
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++) {
		m.mem.regions[i] = region(i, MB, 0);
		m.fds[i] = i < n_regions ? dup(fd) : -1;
	}
	m.n_fds = (int)n_regions;
	return m;
}

static void message_refused(const struct message *m, const char *word)
{
	err[0] = '\0';
	if (mem_table_check_message(m, err, sizeof(err)) >= 0 || !strstr(err, word))
		fail_msg("not refused, or \"%s\" does not say \"%s\"", err, word);
}

static void a_message_is_as_long_as_its_count_says(void **state)
{
	(void)state;
	int fd = file_of(MB);
	struct message m = message_of(2, fd);
	assert_true(message_fds_known(&m));
	assert_int_equal(mem_table_check_message(&m, err, sizeof(err)), 0);
	m.size--;
	message_refused(&m, "2 regions do not fit into 71 bytes");
	m.size = 0;
	message_refused(&m, "do not fit");
	m.size = sizeof(m.room);
	m.mem.n_regions = 1000;
	message_refused(&m, "1000 regions");
	m.mem.n_regions = 1;
	message_refused(&m, "1 regions with 2 files");
	m.mem.n_regions = 3;
	message_refused(&m, "3 regions with 2 files");
	message_close_fds(&m);
	close(fd);
}

static void closes_the_files_of_a_message(void **state)
{
	(void)state;
	int fd = file_of(MB), next = lowest_free_fd();
	struct message m = message_of(8, fd);
	assert_int_not_equal(lowest_free_fd(), next);
	message_close_fds(&m);
	assert_int_equal(lowest_free_fd(), next);
	assert_int_equal(m.n_fds, 0);
	assert_int_equal(m.fds[7], -1);
	message_close_fds(&m);
	close(fd);
}

static void knows_files_only_where_it_expects_them(void **state)
{
	(void)state;
	struct message m = message_of(0, -1);
	assert_true(message_fds_known(&m));
	m.n_fds = 1;
	assert_false(message_fds_known(&m));
	m.fds[0] = 0;
	assert_true(message_fds_known(&m));
	m.fds[7] = 3;
	assert_false(message_fds_known(&m));
	m.n_fds = 9;
	assert_false(message_fds_known(&m));
	m.n_fds = -1;
	assert_false(message_fds_known(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_up_to_eight_regions_and_leaves_no_mapping),
	    cmocka_unit_test(refuses_a_count_that_is_none),
	    cmocka_unit_test(refuses_numbers_that_make_no_region),
	    cmocka_unit_test(refuses_regions_that_overlap),
	    cmocka_unit_test(refuses_what_the_file_does_not_hold),
	    cmocka_unit_test(refuses_what_cannot_be_mapped),
	    cmocka_unit_test(refuses_regions_that_fit_only_one_at_a_time),
	    cmocka_unit_test(a_message_is_as_long_as_its_count_says),
	    cmocka_unit_test(closes_the_files_of_a_message),
	    cmocka_unit_test(knows_files_only_where_it_expects_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
