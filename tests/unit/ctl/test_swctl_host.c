// What the kernel says of a host and its processes, in a /proc and a /sys of the test's own.
#define _GNU_SOURCE // nftw
#include "ctl/swctl/host.h"
#include "ctl/swctl/proc.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/ctl/host_fixture.h"

static void a_list_of_cores_has_its_ranges_and_nothing_else(void **state)
{
	(void)state;
	assert_true(host_list_has("1", 1));
	assert_true(host_list_has("0-3,8,10-11", 11));
	assert_true(host_list_has("0-3,8,10-11", 8));
	assert_false(host_list_has("0-3,8,10-11", 9));
	assert_false(host_list_has("", 0));
	assert_false(host_list_has("nonsense", 0));
	assert_false(host_list_has("1-", 2));
}

static void hugepages_are_listed_by_node_and_size(void **state)
{
	struct host_hugepages pools[4];
	(void)state;
	host_put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "8\n");
	host_put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "3\n");
	host_put("sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
	host_put("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	assert_int_equal(host_hugepages_list(host_root, pools, 4), 3);
	assert_int_equal(pools[0].size_kb, 2048);
	assert_int_equal(pools[0].total, 512);
	assert_int_equal(pools[0].free, -1); // not there
	assert_int_equal(pools[1].size_kb, 1048576);
	assert_int_equal(pools[2].node, 1);
	assert_int_equal(pools[2].free, 3);
	assert_int_equal(host_hugepages_list(host_root, pools, 1), 1);
}

static void a_socket_is_told_from_the_connections_to_it(void **state)
{
	(void)state;
	host_put("proc/net/unix",
		 "Num       RefCount Protocol Flags    Type St Inode Path\n"
		 "0000000000000000: 00000003 00000000 00000000 0001 03 11 /run/swd/vm 1.sock\n"
		 "0000000000000000: 00000002 00000000 00010000 0001 01 12 /run/swd/vm 1.sock\n"
		 "0000000000000000: 00000003 00000000 00000000 0001 03 13\n"
		 "0000000000000000: 00000002 00000000 00000000 0002 01 14 /run/swd/vm2.sock\n");
	assert_true(host_socket_find(host_root, "/run/swd/vm 1.sock").listening);
	assert_int_equal(host_socket_find(host_root, "/run/swd/vm 1.sock").inode, 12);
	assert_true(host_socket_find(host_root, "/run/swd/vm2.sock").bound);
	assert_false(host_socket_find(host_root, "/run/swd/vm2.sock").listening);
	assert_false(host_socket_find(host_root, "/run/swd/vm").bound);
}

static void a_process_has_its_effective_rights(void **state)
{
	struct proc proc;
	struct stat st = {.st_uid = 10, .st_gid = 107, .st_mode = S_IFSOCK | 0660};
	(void)state;
	host_put("proc/77/status", "Name:\tqemu-system-x86\nUid:\t0\t64055\t0\t0\n"
				   "Gid:\t1\t108\t1\t1\nGroups:\t103 107 \nCapEff:\t0000\n");
	assert_true(proc_read(host_root, 77, &proc));
	assert_string_equal(proc.name, "qemu-system-x86");
	assert_int_equal(proc.uid, 64055);
	assert_int_equal(proc.gid, 108);
	assert_int_equal(proc.n_groups, 2);
	assert_true(proc_may(&proc, &st, 2));
	st.st_gid = 1;
	assert_false(proc_may(&proc, &st, 2));
	st.st_uid = 64055;
	st.st_mode = S_IFSOCK | 0066; // an owner has no more than the owner's
	assert_false(proc_may(&proc, &st, 2));
	host_put("proc/77/status", "Name:\tx\nUid:\t1\t1\nGid:\t1\t1\nGroups:\t\nCapEff:\t02\n");
	assert_true(proc_read(host_root, 77, &proc));
	assert_true(proc_may(&proc, &st, 2));
	assert_false(proc_read(host_root, 78, &proc));
	host_put("proc/79/status", "Name:\tcut off\nUid:\t1");
	assert_false(proc_read(host_root, 79, &proc));
}

static void a_folder_above_a_socket_can_be_in_the_way(void **state)
{
	char path[PATH_MAX], at[PATH_MAX], folder[PATH_MAX];
	struct proc nobody = {.uid = 65534, .gid = 65534};
	(void)state;
	host_put("closed/vm1.sock", "");
	host_path(folder, "closed");
	host_path(path, "closed/vm1.sock");
	chmod(host_root, 0755);
	chmod(folder, 0700);
	chmod(path, 0666);
	assert_false(proc_may_connect(&nobody, path, at));
	assert_string_equal(at, folder);
	chmod(folder, 0711);
	assert_true(proc_may_connect(&nobody, path, at));
	chmod(path, 0660);
	assert_false(proc_may_connect(&nobody, path, at));
	assert_string_equal(at, path);
}

static void a_process_is_found_by_a_path_among_its_arguments(void **state)
{
	static const char line[] = "qemu\0-chardev\0socket,id=c0,path=/s/vm1.sock,server=on\0"
				   "x=/s/vm2.sock";
	struct proc proc;
	(void)state;
	host_put("proc/5/status", "Name:\tqemu\nUid:\t0\t0\nGid:\t0\t0\n");
	host_put_bytes("proc/5/cmdline", line, sizeof(line));
	assert_true(proc_find_argument(host_root, "/s/vm1.sock", 0, &proc));
	assert_int_equal(proc.pid, 5);
	assert_true(proc_find_argument(host_root, "/s/vm2.sock", 0, &proc));
	assert_false(proc_find_argument(host_root, "/s/vm", 0, &proc));
	assert_false(proc_find_argument(host_root, "qemu", 0, &proc));
	assert_false(proc_find_argument(host_root, "/s/vm1.sock", 5, &proc));
}

static void a_private_copy_of_memory_is_told_from_a_shared_one(void **state)
{
	(void)state;
	host_put("proc/6/maps", "7f0000000000-7f0000001000 rw-p 00000000 00:01 9 /lib/libc.so\n"
				"7f0010000000-7f0020000000 rw-s 00000000 00:01 7 /memfd:mem\n"
				"7f0030000000-7f0040000000 rw-p 00000000 00:00 0 \n");
	assert_int_equal(proc_memory_of(host_root, 6, 7), PROC_MEMORY_SHARED);
	host_put("proc/6/maps", "7f0010000000-7f0020000000 rw-p 00000000 00:01 7 /memfd:mem\n");
	assert_int_equal(proc_memory_of(host_root, 6, 7), PROC_MEMORY_PRIVATE);
	assert_int_equal(proc_memory_of(host_root, 6, 8), PROC_MEMORY_UNKNOWN);
	assert_int_equal(proc_memory_of(host_root, 7, 7), PROC_MEMORY_UNKNOWN);
}

static void threads_are_read_with_core_and_time(void **state)
{
	struct proc_thread again = {.tid = 9, .started = 777}, other = {.tid = 9, .started = 778};
	(void)state;
	host_put("proc/8/task/9/stat", "9 (a) b) R 1 8 8 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 2 0 "
				       "777 1 2 3 4 5 6 7 8 9 10 11 12 13 0 0 -1 5 0 0 0 0 0\n");
	host_put("proc/8/task/8/stat", "8 (kworker/1:0) I 2 0 0 0 -1 69238880 0 0 0 0 0 4 0 0 20 0 "
				       "1 0 1 0 0 3 4 5 6 7 8 9 10 11 12 13 0 0 17 1 0 0 0 0 0\n");
	host_put("proc/8/task/10/stat", "10 (cut");
	struct proc_threads threads = proc_threads_read(host_root);
	assert_int_equal(threads.n, 2);
	const struct proc_thread *t = proc_threads_find(&threads, &again);
	assert_non_null(t);
	assert_string_equal(t->name, "a) b");
	assert_int_equal(t->core, 5);
	assert_int_equal(t->ticks, 42);
	assert_false(t->of_kernel);
	assert_true(threads.list[0].of_kernel);
	assert_null(proc_threads_find(&threads, &other)); // another that has its number
	free(threads.list);
}

int main(void)
{
#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, host_make, host_remove)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_of_cores_has_its_ranges_and_nothing_else),
	    ON_HOST(hugepages_are_listed_by_node_and_size),
	    ON_HOST(a_socket_is_told_from_the_connections_to_it),
	    ON_HOST(a_process_has_its_effective_rights),
	    ON_HOST(a_folder_above_a_socket_can_be_in_the_way),
	    ON_HOST(a_process_is_found_by_a_path_among_its_arguments),
	    ON_HOST(a_private_copy_of_memory_is_told_from_a_shared_one),
	    ON_HOST(threads_are_read_with_core_and_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
