// Ports wait for a fence behind the megaflows, and not for ever.
#include "ctl/swctld/port_hold.h"

#include "ctl/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

// The outbox, played.
static struct {
	int refuses; // what putting gives
	unsigned n_put;
	uint32_t seq;
} box;

int outbox_put(struct outbox *ob, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq,
	       outbox_fill_fn fill, const void *arg)
{
	(void)ob;
	(void)fill;
	(void)arg;
	assert_int_equal(family, DP_FAMILY_DATAPATH);
	assert_int_equal(cmd, OVS_DP_CMD_SET);
	assert_true(flags & NLM_F_ACK);
	box.n_put += box.refuses == 0;
	box.seq = seq;
	return box.refuses;
}

struct fixture {
	struct event_base *base;
	struct port_hold *hold;
	unsigned n_released;
};

static void on_release(void *arg)
{
	struct fixture *f = arg;
	assert_false(port_hold_is_on(f->hold));
	f->n_released++;
}

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	log_init("test", LOG_LEVEL_ERROR);
	memset(&box, 0, sizeof(box));
	f->base = event_base_new();
	f->hold = port_hold_create(f->base, on_release, f);
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	port_hold_destroy(f->hold);
	event_base_free(f->base);
	free(f);
	return 0;
}

static bool answer(struct fixture *f, uint16_t type, uint32_t seq)
{
	const struct nlmsghdr nlh = {.nlmsg_len = sizeof(nlh),
				     .nlmsg_type = type,
				     .nlmsg_seq = seq};
	return port_hold_answer(f->hold, &nlh);
}

static void the_answer_to_the_fence_releases_once(void **arg)
{
	struct fixture *f = *arg;
	port_hold_begin(f->hold);
	assert_false(answer(f, NLMSG_ERROR, 17)); // a megaflow's
	port_hold_all_sent(f->hold, NULL);
	port_hold_all_sent(f->hold, NULL);
	assert_int_equal(box.n_put, 1);
	assert_false(answer(f, DP_FAMILY_FLOW, box.seq));
	assert_int_equal(f->n_released, 0);
	assert_true(answer(f, NLMSG_ERROR, box.seq));
	assert_true(answer(f, NLMSG_ERROR, box.seq));
	assert_int_equal(f->n_released, 0); // whoever reads may be in the midst of a call
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->n_released, 1);
	event_base_dispatch(f->base); // no deadline is left
	assert_int_equal(f->n_released, 1);
}

static void a_fence_that_finds_no_room_is_put_again(void **arg)
{
	struct fixture *f = *arg;
	port_hold_begin(f->hold);
	box.refuses = -1;
	port_hold_all_sent(f->hold, NULL);
	box.refuses = 0;
	port_hold_all_sent(f->hold, NULL);
	assert_int_equal(box.n_put, 1);
}

static void the_deadline_releases_when_swd_does_not_answer(void **arg)
{
	struct fixture *f = *arg;
	port_hold_begin(f->hold);
	port_hold_all_sent(f->hold, NULL);
	event_base_dispatch(f->base); // until nothing is to come any more
	assert_int_equal(f->n_released, 1);
	assert_true(answer(f, NLMSG_ERROR, box.seq)); // late
	assert_int_equal(f->n_released, 1);
}

static void a_connection_that_ends_releases_nothing(void **arg)
{
	struct fixture *f = *arg;
	port_hold_begin(f->hold);
	port_hold_end(f->hold);
	port_hold_all_sent(f->hold, NULL);
	event_base_dispatch(f->base);
	assert_int_equal(box.n_put + f->n_released, 0);
	port_hold_begin(f->hold);
	port_hold_all_sent(f->hold, NULL);
	assert_true(answer(f, NLMSG_ERROR, box.seq));
	port_hold_end(f->hold); // in the same turn
	event_base_dispatch(f->base);
	assert_int_equal(f->n_released, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_answer_to_the_fence_releases_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_fence_that_finds_no_room_is_put_again, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_deadline_releases_when_swd_does_not_answer, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_connection_that_ends_releases_nothing, setup,
					    teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
