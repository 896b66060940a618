// What rules and megaflows have counted goes on in the next swctld, whole, whatever ends this one.
#include "ctl/account.h"
#include "ctl/log.h"
#include "ctl/swctld/counts_file.h"
#include "ctl/swctld/flow_ids.h"
#include "ctl/swctld/translate.h"

#include "tests/unit/ctl/state_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define OWNER	UINT64_C(0x1234)
#define FLOW_ID (FLOW_IDS_FIRST + 3)

struct run_dir {
	char dir[64], path[96];
	struct counts *counts;
};

static void open_counts(struct run_dir *r, uint64_t owner)
{
	r->counts = counts_open(r->dir, ACCOUNT_NONE);
	counts_claim(r->counts, owner);
}

static void reopen(struct run_dir *r)
{
	counts_close(r->counts);
	open_counts(r, OWNER);
}

static int setup(void **arg)
{
	struct run_dir *r = calloc(1, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/swctld-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/" COUNTS_FILE, r->dir);
	open_counts(r, OWNER);
	counts_rules_resumed(r->counts);
	*arg = r;
	return 0;
}

static int teardown(void **arg)
{
	struct run_dir *r = *arg;
	counts_close(r->counts);
	unlink(r->path);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

static struct counted n_packets(uint64_t n)
{
	return (struct counted){n, n * 60};
}

// What the rule had counted; UINT64_MAX: it is not there.
static uint64_t resumed(struct run_dir *r, int64_t id, uint32_t *place)
{
	struct counted counted;
	if (!counts_rule_resume(r->counts, id, place, &counted))
		return UINT64_MAX;
	assert_int_equal(counted.bytes, counted.packets * 60);
	return counted.packets;
}

static void set_rule(struct run_dir *r, uint32_t *place, int64_t id, uint64_t n)
{
	counts_rule_stage(r->counts, place, id, n_packets(n));
	counts_commit(r->counts);
}

static void rules_and_megaflows_go_on(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t a = 0, b = 0, cursor = 0;
	struct counted counted;
	uint64_t token = counts_token(r->counts);
	set_rule(r, &a, 7, 100);
	set_rule(r, &b, 9, 3);
	set_rule(r, &a, 7, 101);
	counts_flow_add(r->counts, FLOW_ID);
	counts_flow_stage(r->counts, FLOW_ID, n_packets(55));
	counts_commit(r->counts);
	reopen(r);
	uint32_t again = 0;
	assert_int_equal(resumed(r, 9, &again), 3);
	assert_int_equal(again, b);
	assert_int_equal(resumed(r, 7, &again), 101);
	assert_int_equal(again, a);
	assert_int_equal(resumed(r, 8, &again), UINT64_MAX);
	assert_int_equal(counts_token(r->counts), token);
	assert_int_equal(counts_flow_next(r->counts, &cursor), FLOW_ID);
	assert_int_equal(counts_flow_next(r->counts, &cursor), 0);
	assert_true(counts_flow_find(r->counts, FLOW_ID, &counted));
	assert_int_equal(counted.packets, 55);
}

static void what_is_gone_comes_not_back(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t deleted = 0, lost = 0, place = 0, cursor = 0;
	set_rule(r, &deleted, 7, 100);
	set_rule(r, &lost, 8, 100);
	counts_flow_add(r->counts, FLOW_ID);
	counts_flow_gone(r->counts, FLOW_ID);
	uint32_t was = deleted;
	counts_rule_gone(r->counts, &deleted);
	assert_int_equal(deleted, 0);
	reopen(r);
	assert_int_equal(resumed(r, 7, &place), UINT64_MAX);
	counts_rules_resumed(r->counts); // nobody asked for 8
	assert_int_equal(counts_flow_next(r->counts, &cursor), 0);
	reopen(r);
	assert_int_equal(resumed(r, 8, &place), UINT64_MAX);
	counts_rules_resumed(r->counts);
	set_rule(r, &place, 10, 1);
	assert_true(place == was || place == lost); // a place is used again
}

static void another_databases_rules_are_others(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t place = 0, cursor = 0;
	set_rule(r, &place, 7, 100);
	counts_flow_add(r->counts, FLOW_ID);
	uint64_t token = counts_token(r->counts);
	counts_close(r->counts);
	open_counts(r, OWNER + 1);
	assert_int_equal(resumed(r, 7, &place), UINT64_MAX);
	assert_int_equal(counts_flow_next(r->counts, &cursor), 0);
	assert_true(counts_token(r->counts) != token);
}

static void a_reading_that_was_half_written_is_finished(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t a = 0, b = 0;
	struct counted counted;
	set_rule(r, &a, 7, 100);
	set_rule(r, &b, 9, 100);
	counts_flow_add(r->counts, FLOW_ID);
	counts_rule_stage(r->counts, &a, 7, n_packets(105));
	counts_rule_stage(r->counts, &b, 9, n_packets(105));
	counts_flow_stage(r->counts, FLOW_ID, n_packets(5));
	// Killed behind the list's end and the first record.
	r->counts->header->n_redo = r->counts->n_staged;
	r->counts->records[COUNTS_RULES][a].counted = n_packets(105);
	reopen(r);
	assert_int_equal(resumed(r, 7, &a), 105);
	assert_int_equal(resumed(r, 9, &b), 105);
	assert_true(counts_flow_find(r->counts, FLOW_ID, &counted));
	assert_int_equal(counted.packets, 5);
}

static void a_reading_that_was_not_committed_is_not_there(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t a = 0;
	set_rule(r, &a, 7, 100);
	counts_rule_stage(r->counts, &a, 7, n_packets(105));
	reopen(r);
	assert_int_equal(resumed(r, 7, &a), 100);
}

// Counts 1, 2, 3... for two rules and a megaflow until it is killed.
static void count_for_ever(struct run_dir *r, volatile uint32_t *began)
{
	uint32_t a = 0, b = 0;
	counts_flow_add(r->counts, FLOW_ID);
	for (uint64_t n = 1;; n++) {
		counts_rule_stage(r->counts, &a, 7, n_packets(n));
		counts_rule_stage(r->counts, &b, 9, n_packets(n));
		counts_flow_stage(r->counts, FLOW_ID, n_packets(n));
		counts_commit(r->counts);
		*began = 1;
	}
}

static void killed_at_any_moment_all_agree(void **arg)
{
	struct run_dir *r = *arg;
	volatile uint32_t *began =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < 200; i++) {
		struct timespec pause = {.tv_nsec = (long)(i * 997 % 50) * 1000};
		uint32_t a, b;
		struct counted counted;
		*began = 0;
		pid_t child = fork();
		if (child == 0)
			count_for_ever(r, began);
		while (!*began)
			sched_yield();
		nanosleep(&pause, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		reopen(r);
		uint64_t n = resumed(r, 7, &a);
		assert_int_equal(resumed(r, 9, &b), n);
		assert_true(counts_flow_find(r->counts, FLOW_ID, &counted));
		assert_int_equal(counted.packets, n);
		counts_rule_gone(r->counts, &a);
		counts_rule_gone(r->counts, &b);
		counts_rules_resumed(r->counts);
	}
	munmap((void *)(uintptr_t)began, 4096);
}

static void put_file(const char *path, size_t len, char filling)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		fputc(filling, f);
	fclose(f);
}

static void garbage_is_replaced(void **arg)
{
	static const size_t lengths[] = {0, 1, 8, 100, 16384, 100000};
	struct run_dir *r = *arg;
	uint32_t place = 0;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		counts_close(r->counts);
		put_file(r->path, lengths[i], (char)0xff);
		chmod(r->path, 0600);
		open_counts(r, UINT64_MAX);
		counts_rules_resumed(r->counts);
		place = 0;
		set_rule(r, &place, 7, 5);
		assert_true(place != 0);
	}
	// What the head says is checked against what there is.
	r->counts->header->room[COUNTS_FLOWS] = UINT32_MAX;
	counts_close(r->counts);
	open_counts(r, UINT64_MAX);
	assert_int_equal(resumed(r, 7, &place), UINT64_MAX);
	r->counts->header->n_redo = UINT32_MAX;
	counts_close(r->counts);
	open_counts(r, UINT64_MAX);
	assert_int_equal(r->counts->header->n_redo, 0);
}

static void a_file_that_others_may_write_or_a_link_is_not_used(void **arg)
{
	struct run_dir *r = *arg;
	char victim[128];
	struct stat before, after;
	uint32_t place = 0;
	snprintf(victim, sizeof(victim), "%s/victim", r->dir);
	set_rule(r, &place, 7, 5);
	chmod(r->path, 0622);
	reopen(r);
	assert_int_equal(resumed(r, 7, &place), UINT64_MAX);
	counts_close(r->counts);
	put_file(victim, 10, 'x');
	stat(victim, &before);
	for (unsigned hard = 0; hard < 2; hard++) {
		unlink(r->path);
		assert_int_equal(hard ? link(victim, r->path) : symlink(victim, r->path), 0);
		open_counts(r, OWNER);
		assert_non_null(r->counts);
		if (hard == 0)
			counts_close(r->counts);
	}
	stat(victim, &after);
	assert_int_equal(after.st_size, before.st_size);
	unlink(victim);
}

static void without_room_rules_count_in_memory(void **arg)
{
	struct run_dir *r = *arg;
	uint32_t place = 0, flow_place = 0;
	struct counted counted;
	log_init("test", LOG_LEVEL_ERROR);
	disk_room(16384);
	set_rule(r, &place, 7, 5);
	counts_flow_add(r->counts, FLOW_ID);
	counts_flow_stage(r->counts, FLOW_ID, n_packets(5));
	counts_commit(r->counts);
	disk_room(RLIM_INFINITY);
	assert_int_equal(place, 0);
	assert_false(counts_flow_find(r->counts, FLOW_ID, &counted));
	// A while later there is.
	r->counts->full_until_ms = 0;
	set_rule(r, &place, 7, 6);
	assert_true(place != 0);
	reopen(r);
	assert_int_equal(resumed(r, 7, &flow_place), 6);
}

static void without_a_file_all_calls_do_nothing(void **arg)
{
	uint32_t place = 0, cursor = 0;
	struct counted counted;
	(void)arg;
	log_init("test", LOG_LEVEL_ERROR);
	struct counts *none = counts_open("/nonexistent", ACCOUNT_NONE);
	assert_null(none);
	counts_claim(none, OWNER);
	counts_rule_stage(none, &place, 7, n_packets(1));
	counts_rule_gone(none, &place);
	counts_flow_add(none, FLOW_ID);
	counts_flow_stage(none, FLOW_ID, n_packets(1));
	counts_flow_gone(none, FLOW_ID);
	counts_commit(none);
	counts_rules_resumed(none);
	assert_int_equal(counts_flow_next(none, &cursor), 0);
	assert_false(counts_rule_resume(none, 7, &place, &counted));
	assert_int_equal(counts_token(none), 0);
	counts_close(none);
}

static void many_rules_find_their_own_again(void **arg)
{
	enum { N = 50000 };
	struct run_dir *r = *arg;
	static uint32_t places[N];
	memset(places, 0, sizeof(places));
	for (unsigned i = 0; i < N; i++)
		set_rule(r, &places[i], 3 * (int64_t)i + 1, i);
	reopen(r);
	for (unsigned i = 0; i < N; i++) {
		uint32_t place;
		assert_int_equal(resumed(r, 3 * (int64_t)i + 1, &place), i);
		assert_int_equal(place, places[i]);
	}
}

#define IN_RUN_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_RUN_DIR(rules_and_megaflows_go_on),
	    IN_RUN_DIR(what_is_gone_comes_not_back),
	    IN_RUN_DIR(another_databases_rules_are_others),
	    IN_RUN_DIR(a_reading_that_was_half_written_is_finished),
	    IN_RUN_DIR(a_reading_that_was_not_committed_is_not_there),
	    IN_RUN_DIR(killed_at_any_moment_all_agree),
	    IN_RUN_DIR(garbage_is_replaced),
	    IN_RUN_DIR(a_file_that_others_may_write_or_a_link_is_not_used),
	    IN_RUN_DIR(without_room_rules_count_in_memory),
	    IN_RUN_DIR(many_rules_find_their_own_again),
	    cmocka_unit_test(without_a_file_all_calls_do_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
