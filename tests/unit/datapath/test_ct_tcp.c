// TCP connections, segment by segment.
#include "ct_fixture.h"

#define ISN_A 1000u
#define ISN_B 5000000u

struct step {
	const char *what;
	struct tcp_spec spec;
	uint32_t state; // without TRK
};

static void run(const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t state = track(&ct_commit, tcp(&steps[i].spec));

		if (state != (steps[i].state | TRK))
			fail_msg("%s: %#x instead of %#x", steps[i].what, state,
				 steps[i].state | TRK);
	}
}

#define RUN(...)                                \
	run((const struct step[]){__VA_ARGS__}, \
	    sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))
#define A(name, fl, sq, ak, len, wanted)                                                           \
	{                                                                                          \
		name, {.flags = (fl), .seq = ISN_A + (sq), .ack = ISN_B + (ak), .payload = (len)}, \
		    wanted                                                                         \
	}
#define B(name, fl, sq, ak, len, wanted)  \
	{                                 \
		name,                     \
		    {.from_b = true,      \
		     .flags = (fl),       \
		     .seq = ISN_B + (sq), \
		     .ack = ISN_A + (ak), \
		     .payload = (len)},   \
		    wanted                \
	}

static void opened(void)
{
	RUN(A("SYN", F_SYN, 0, 0, 0, NEW), B("SYN and ACK", F_SYN | F_ACK, 0, 1, 0, EST | RPL),
	    A("ACK", F_ACK, 1, 1, 0, EST));
}

static uint8_t tcp_state(enum ct_dir dir)
{
	return ct_table_slot(0) ? ct_table_slot(0)->tcp[dir].state : 0;
}

// Seconds after the last packet by which the connection is over, and not yet over.
static void assert_ends_after(uint32_t seconds)
{
	uint32_t end = ct_table_slot(0)->expires;
	uint32_t wanted = ct_time(fx.pmd->now_ms) + seconds * 1000 / 128;

	assert_in_range(end, wanted, wanted + 2);
}

static void a_handshake_data_and_an_end(void **state)
{
	(void)state;
	opened();
	assert_ends_after(24 * 3600);
	RUN(A("data", F_ACK | F_PSH, 1, 1, 100, EST), B("ACK", F_ACK, 1, 101, 0, EST | RPL),
	    B("data", F_ACK | F_PSH, 1, 101, 500, EST | RPL), A("ACK", F_ACK, 101, 501, 0, EST),
	    A("FIN", F_FIN | F_ACK, 101, 501, 0, EST));
	assert_ends_after(15 * 60);
	RUN(B("ACK", F_ACK, 501, 102, 0, EST | RPL),
	    B("FIN", F_FIN | F_ACK, 501, 102, 0, EST | RPL), A("ACK", F_ACK, 102, 502, 0, EST));
	assert_int_equal(tcp_state(CT_ORIG), CT_TCP_FIN_WAIT_2);
	assert_int_equal(tcp_state(CT_REPLY), CT_TCP_FIN_WAIT_2);
	assert_ends_after(30);
}

static void it_is_established_when_both_ends_have_acknowledged(void **state)
{
	(void)state;
	RUN(A("SYN", F_SYN, 0, 0, 0, NEW), A("the same", F_SYN, 0, 0, 0, NEW));
	assert_ends_after(30);
	RUN(B("SYN and ACK", F_SYN | F_ACK, 0, 1, 0, EST | RPL));
	assert_int_equal(tcp_state(CT_ORIG), CT_TCP_ESTABLISHED);
	assert_int_equal(tcp_state(CT_REPLY), CT_TCP_SYN_SENT);
	RUN(A("ACK", F_ACK, 1, 1, 0, EST));
	assert_int_equal(tcp_state(CT_REPLY), CT_TCP_ESTABLISHED);
}

static void an_answer_opens_nothing(void **state)
{
	(void)state;
	RUN(B("SYN and ACK", F_SYN | F_ACK, 0, 1, 0, INV));
	assert_int_equal(ct_table_count(0), 0);
}

static void flags_that_make_no_sense_are_invalid(void **state)
{
	static const uint8_t bad[] = {0,     F_SYN | F_FIN, F_SYN | F_RST, F_FIN,
				      F_PSH, F_PSH | F_FIN, F_SYN | F_PSH};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++)
		RUN(A("alone", bad[i], 0, 0, 0, INV));
	opened();
	for (unsigned i = 0; i < RTE_DIM(bad); i++)
		RUN(A("in a connection", bad[i], 1, 1, 0, INV));
}

static void what_is_out_of_the_window_is_invalid(void **state)
{
	(void)state;
	opened();
	RUN(A("behind the window", F_ACK | F_PSH, TCP_WINDOW + 100, 1, 10, INV),
	    A("before what was sent", F_ACK | F_PSH, 1 - 70000u, 1, 10, INV),
	    A("an ACK of what was never sent", F_ACK | F_PSH, 1, 200000, 10, INV),
	    A("in the window", F_ACK | F_PSH, 1, 1, 10, EST),
	    A("once more", F_ACK | F_PSH, 1, 1, 10, EST));
}

static void a_datapath_may_be_liberal(void **state)
{
	(void)state;
	opened();
	ct_set_tcp_liberal(0, true);
	RUN(A("behind the window", F_ACK | F_PSH, TCP_WINDOW + 100, 1, 10, EST));
}

static void a_reset_must_be_exact(void **state)
{
	(void)state;
	opened();
	RUN(B("guessed", F_RST, 5, 0, 0, INV));
	assert_int_equal(tcp_state(CT_ORIG), CT_TCP_ESTABLISHED);
	RUN(B("exact", F_RST, 1, 0, 0, EST | RPL));
	assert_int_equal(tcp_state(CT_ORIG), CT_TCP_TIME_WAIT);
	assert_ends_after(30);
}

static void a_refused_connection_is_over(void **state)
{
	(void)state;
	RUN(A("SYN", F_SYN, 0, 0, 0, NEW), B("RST", F_RST | F_ACK, 0, 1, 0, EST | RPL));
	assert_ends_after(30);
	RUN(A("a new SYN", F_SYN, 9000, 0, 0, NEW));
	assert_int_equal(ct_table_slot(0)->flags & CT_REMOVED, CT_REMOVED);
	assert_int_equal(ct_expire_sweep(ct_time(fx.pmd->now_ms), UINT32_MAX, 10), 1);
}

static void the_middle_of_a_connection_is_picked_up(void **state)
{
	(void)state;
	RUN(A("data", F_ACK | F_PSH, 777, 888, 100, NEW), B("ACK", F_ACK, 888, 877, 0, EST | RPL),
	    A("data", F_ACK, 877, 888, 1000, EST), B("data", F_ACK, 888, 1877, 1000, EST | RPL));
	assert_int_equal(ct_table_slot(0)->tcp[0].wscale, CT_WSCALE_UNKNOWN);
}

// 20000 << 7 is what B admits: without the option, what is behind 20000 would be out of its window.
static void windows_are_scaled_where_both_ends_say_so(void **state)
{
	for (int b_scales = 0; b_scales <= 1; b_scales++) {
		struct tcp_spec syn = {.flags = F_SYN,
				       .seq = ISN_A,
				       .options = {1, 3, 3, 7},
				       .options_len = 4},
				answer = {.from_b = true,
					  .flags = F_SYN | F_ACK,
					  .seq = ISN_B,
					  .ack = ISN_A + 1,
					  .options = {2, 4, 5, 180, 1, 3, 3, 7},
					  .options_len = b_scales ? 8 : 4};

		assert_state(track(&ct_commit, tcp(&syn)), NEW);
		assert_state(track(&ct_commit, tcp(&answer)), EST | RPL);
		RUN(A("ACK", F_ACK, 1, 1, 0, EST), B("ACK", F_ACK, 1, 1, 0, EST | RPL),
		    A("far ahead", F_ACK, 500000, 1, 100, b_scales ? EST : INV));
		ct_down(state);
		ct_up(state);
	}
}

static void options_are_never_read_past_their_end(void **state)
{
	struct tcp_spec syn = {.flags = F_SYN, .seq = ISN_A, .options_len = 4};
	static const uint8_t bad[][4] = {{3, 3, 7, 9}, {2, 0, 0, 0}, {1, 1, 3, 3}, {9, 255, 3, 3}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		memcpy(syn.options, bad[i], 4);
		assert_state(track(&ct_commit, tcp(&syn)), NEW);
		ct_table_remove(ct_table_slot(i), ct_time(fx.pmd->now_ms));
	}
}

static void sequence_numbers_go_round(void **state)
{
	uint32_t seq = 0u - ISN_A - 50; // 50 before 2^32

	(void)state;
	RUN(A("SYN", F_SYN, seq, 0, 0, NEW),
	    B("SYN and ACK", F_SYN | F_ACK, 0, seq + 1, 0, EST | RPL),
	    A("across", F_ACK, seq + 1, 1, 100, EST), B("ACK", F_ACK, 1, seq + 101, 0, EST | RPL),
	    A("behind", F_ACK, seq + 101, 1, 100, EST));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ct_up, ct_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_handshake_data_and_an_end),
	    TEST(it_is_established_when_both_ends_have_acknowledged),
	    TEST(an_answer_opens_nothing),
	    TEST(flags_that_make_no_sense_are_invalid),
	    TEST(what_is_out_of_the_window_is_invalid),
	    TEST(a_datapath_may_be_liberal),
	    TEST(a_reset_must_be_exact),
	    TEST(a_refused_connection_is_over),
	    TEST(the_middle_of_a_connection_is_picked_up),
	    TEST(windows_are_scaled_where_both_ends_say_so),
	    TEST(options_are_never_read_past_their_end),
	    TEST(sequence_numbers_go_round),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
