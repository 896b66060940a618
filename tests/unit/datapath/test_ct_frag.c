// Fragments in front of connection tracking: held until their datagram is whole, then sent on as
// they came with what tracking has changed.
#include "frag_fixture.h"

#include "datapath/csum.h"
#include "datapath/ct_nat_packet.h"

#include <pthread.h>

#define N 4 // fragments of most datagrams here

// The i-th of all orders of n, by factorial digits.
static void order_of(unsigned i, unsigned n, unsigned *order)
{
	bool used[PARTS] = {false};

	for (unsigned at = 0; at < n; at++) {
		unsigned skip = i % (n - at), place = 0;

		i /= n - at;
		for (place = 0; used[place] || skip-- > 0; place++)
			;
		used[place] = true;
		order[at] = place;
	}
}

static void check_whole(const struct frame *f, struct ct_frag_result *result)
{
	struct frame whole = whole_of(f, FRAG_ID);

	assert_bytes(result->whole, whole.b, whole.len);
}

static void a_datagram_is_whole_when_its_last_part_comes_in_any_order(void **state)
{
	struct ct_frag_result result;
	struct frame parts[PARTS];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct frame f = udp_frame(i);
		unsigned order[N];

		assert_int_equal(fragments_of(&f, FRAG_ID, SIZE, parts), N);
		for (unsigned o = 0; o < 24; o++) {
			order_of(o, N, order);
			for (unsigned k = 0; k < N - 1; k++)
				assert_int_equal(add(&parts[order[k]], &result), CT_FRAG_HELD);
			assert_int_equal(add(&parts[order[N - 1]], &result), CT_FRAG_COMPLETE);
			check_whole(&f, &result);
			assert_int_equal(result.n, N);
			assert_int_equal(ct_frag_release(&result), 0);
			for (unsigned k = 0; k < N; k++)
				assert_bytes(result.frags[k], parts[k].b, parts[k].len);
			result_free(&result);
		}
	}
}

static void a_guest_s_fragments_are_copied_before_it_can_change_them(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	struct ct_frag_result result;
	enum ct_frag_verdict verdict = CT_FRAG_HELD;
	uint8_t memory[2048];

	(void)state;
	assert_int_equal(fragments_of(&f, FRAG_ID, SIZE, parts), N);
	for (unsigned i = 0; i < N; i++) {
		struct rte_mbuf *m = lent_of(&parts[i], 33, memory);

		verdict = ct_frag_add(frags, &m, ZONE, NOW, &result);
		memset(memory, 0xee, sizeof memory);
	}
	assert_int_equal(verdict, CT_FRAG_COMPLETE);
	check_whole(&f, &result);
	assert_int_equal(ct_frag_release(&result), 0);
	for (unsigned i = 0; i < N; i++)
		assert_bytes(result.frags[i], parts[i].b, parts[i].len);
	result_free(&result);
}

// Padding of short frames is no part of the datagram.
static void padding_behind_a_fragment_stays_out(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	struct ct_frag_result result;

	(void)state;
	assert_int_equal(fragments_of(&f, FRAG_ID, SIZE, parts), N);
	for (unsigned i = 0; i < N; i++) {
		static const uint8_t padding[7] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};

		frame_put(&parts[i], padding, sizeof padding);
		assert_int_equal(add(&parts[i], &result),
				 i == N - 1 ? CT_FRAG_COMPLETE : CT_FRAG_HELD);
	}
	check_whole(&f, &result);
	assert_int_equal(ct_frag_release(&result), 0);
	for (unsigned i = 0; i < N; i++)
		assert_bytes(result.frags[i], parts[i].b, parts[i].len);
	result_free(&result);
}

static void keys_of(const struct frame *f, struct ct_key *from, struct ct_key *to)
{
	const uint8_t *addrs = f->b + f->l3 + (f->v6 ? 8 : 12);
	uint32_t len = f->v6 ? 16 : 4;

	*from = (struct ct_key){.proto = f->proto, .is_v6 = f->v6};
	memcpy(&from->src, addrs, len);
	memcpy(&from->dst, addrs + len, len);
	memcpy(&from->src_port_be, f->b + f->l4, 2);
	memcpy(&from->dst_port_be, f->b + f->l4 + 2, 2);
	*to = *from;
	to->src.b[len - 1] ^= 0x5a;
	to->src.b[0] ^= 0x11;
	to->src_port_be ^= 0x0101;
}

static void what_translation_changes_is_in_the_fragments_that_go_on(void **state)
{
	struct ct_frag_result result;
	struct frame parts[PARTS];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct frame f = udp_frame(i), after = f;
		unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts);
		uint32_t len = f.v6 ? 16 : 4;
		struct ct_key from, to;

		keys_of(&f, &from, &to);
		memcpy(after.b + f.l3 + (f.v6 ? 8 : 12), &to.src, len);
		memcpy(after.b + f.l4, &to.src_port_be, 2);
		frame_fix(&after);
		for (unsigned k = 0; k < n; k++)
			add(&parts[k], &result);
		assert_int_equal(ct_nat_packet(&result.whole, &from, &to, false), 0);
		packet_meta(result.whole)->flow.ct_state = 0x22;
		packet_meta(result.whole)->flow.ct_mark = 77;
		assert_int_equal(ct_frag_release(&result), 0);
		fragments_of(&after, FRAG_ID, SIZE, parts);
		for (unsigned k = 0; k < n; k++) {
			assert_bytes(result.frags[k], parts[k].b, parts[k].len);
			assert_int_equal(packet_meta(result.frags[k])->flow.ct_state, 0x22);
			assert_int_equal(packet_meta(result.frags[k])->flow.ct_mark, 77);
		}
		result_free(&result);
	}
}

static void a_datagram_that_has_become_longer_is_no_more_that_of_its_fragments(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	struct ct_frag_result result;

	(void)state;
	assert_int_equal(fragments_of(&f, FRAG_ID, SIZE, parts), N);
	for (unsigned i = 0; i < N; i++)
		add(&parts[i], &result);
	rte_pktmbuf_trim(result.whole, 1);
	assert_int_equal(ct_frag_release(&result), -EMSGSIZE);
	result_free(&result);
}

static void what_is_no_fragment_is_let_through(void **state)
{
	struct frame f = udp_frame(0), f6 = udp_frame(9), arp = f;
	struct ct_frag_result result;

	(void)state;
	assert_int_equal(add(&f, &result), CT_FRAG_WHOLE);
	assert_int_equal(add(&f6, &result), CT_FRAG_WHOLE);
	f6 = with_fragment_header(&f6, FRAG_ID, 0); // RFC 6946
	assert_int_equal(add(&f6, &result), CT_FRAG_WHOLE);
	put16(arp.b + 12, 0x0806);
	assert_int_equal(add(&arp, &result), CT_FRAG_WHOLE);
}

// RFC 5722: not one byte, and wherever the other one lies.
static void parts_that_overlap_take_their_datagram_with_them(void **state)
{
	static const struct {
		uint32_t start, len;
		bool more;
	} bad[] = {
	    {SIZE - 8, SIZE, true}, {SIZE + 8, SIZE, true}, {SIZE, SIZE - 8, true},
	    {SIZE, SIZE + 8, true}, {0, 2 * SIZE, true},    {SIZE + 8, 384, true},
	    {SIZE, SIZE, false},    {600, 8, false},
	};
	struct ct_frag_result result;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		for (unsigned i = 0; i < RTE_DIM(bad); i++) {
			struct frame f = udp_frame(v6);
			struct frame first = fragment_of(&f, i, 0, SIZE, true);
			struct frame second = fragment_of(&f, i, SIZE, SIZE, true);
			struct frame last = fragment_of(&f, i, 3 * SIZE, 264, false);
			struct frame third = fragment_of(&f, i, 2 * SIZE, SIZE, true);
			struct frame wrong =
			    fragment_of(&f, i, bad[i].start, bad[i].len, bad[i].more);
			uint64_t overlapped = counters(v6).overlapped;

			assert_int_equal(add(&first, &result), CT_FRAG_HELD);
			assert_int_equal(add(&second, &result), CT_FRAG_HELD);
			assert_int_equal(add(&wrong, &result), CT_FRAG_DROP);
			assert_int_equal(result.n, 3);
			assert_int_equal(result.reason, DROP_FRAGMENT_OVERLAP);
			result_free(&result);
			assert_int_equal(counters(v6).overlapped, overlapped + 1);
			assert_int_equal(add(&third, &result), CT_FRAG_INVALID);
			assert_int_equal(add(&last, &result), CT_FRAG_INVALID);
			assert_int_equal(held(), 0);
		}
	}
}

static void nothing_lies_behind_the_last_part(void **state)
{
	struct frame f = udp_frame(0), last = fragment_of(&f, FRAG_ID, SIZE, 264, false);
	struct frame behind = fragment_of(&f, FRAG_ID, 2 * SIZE, SIZE, true);
	struct frame other_last = fragment_of(&f, FRAG_ID, 3 * SIZE, 8, false);
	struct ct_frag_result result;

	(void)state;
	assert_int_equal(add(&last, &result), CT_FRAG_HELD);
	assert_int_equal(add(&behind, &result), CT_FRAG_DROP);
	result_free(&result);
	// The other way round.
	behind = fragment_of(&f, 2, 2 * SIZE, SIZE, true);
	last = fragment_of(&f, 2, SIZE, 264, false);
	assert_int_equal(add(&behind, &result), CT_FRAG_HELD);
	assert_int_equal(add(&last, &result), CT_FRAG_DROP);
	result_free(&result);
	last = fragment_of(&f, 3, SIZE, 264, false);
	other_last = fragment_of(&f, 3, 3 * SIZE, 8, false);
	assert_int_equal(add(&last, &result), CT_FRAG_HELD);
	assert_int_equal(add(&other_last, &result), CT_FRAG_DROP);
	result_free(&result);
}

static void a_part_that_comes_twice_is_left_out(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts);
	struct ct_frag_result result;

	(void)state;
	for (unsigned i = 0; i < n - 1; i++) {
		assert_int_equal(add(&parts[i], &result), CT_FRAG_HELD);
		assert_int_equal(add(&parts[i], &result), CT_FRAG_INVALID);
	}
	assert_int_equal(add(&parts[n - 1], &result), CT_FRAG_COMPLETE);
	check_whole(&f, &result);
	assert_int_equal(ct_frag_release(&result), 0);
	result_free(&result);
}

static void what_differs_in_anything_is_of_another_datagram(void **state)
{
	struct frame f = udp_frame(0), first = fragment_of(&f, 1, 0, SIZE, true), last;
	struct ct_frag_result result;
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(add(&first, &result), CT_FRAG_HELD);
	for (unsigned i = 0; i < 6; i++) {
		last = fragment_of(&f, i == 0 ? 2 : 1, SIZE, 264, false);
		last.b[last.l3 + 9] ^= i == 1;	// protocol
		last.b[last.l3 + 15] ^= i == 2; // source
		last.b[last.l3 + 19] ^= i == 3; // destination
		frame_fix_ipv4(&last);
		m = packet_of(&last, 512);
		packet_meta(m)->recirc_id = i == 4;
		assert_int_equal(ct_frag_add(frags, &m, i == 5 ? ZONE + 1 : ZONE, NOW, &result),
				 CT_FRAG_HELD);
	}
	assert_int_equal(held(), 7);
}

// Fragments of one datagram come in at two queues.

#define RACES 300

struct racer {
	pthread_t thread;
	unsigned odd;
	unsigned n_complete;
};

static pthread_barrier_t start;

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct ct_frag_result result;
	struct frame f = udp_frame(0), parts[PARTS];

	for (unsigned id = 0; id < RACES; id++) {
		unsigned n = fragments_of(&f, id, SIZE, parts);

		pthread_barrier_wait(&start);
		for (unsigned i = racer->odd; i < n; i += 2) {
			if (add_at(&parts[i], 1 + racer->odd, NOW, &result) != CT_FRAG_COMPLETE)
				continue;
			racer->n_complete++;
			assert_int_equal(ct_frag_release(&result), 0);
			result_free(&result);
		}
	}
	return NULL;
}

static void a_datagram_is_whole_once_whichever_threads_have_its_parts(void **state)
{
	struct racer racers[2] = {{.odd = 0}, {.odd = 1}};

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(racers[i].thread, NULL);
	assert_int_equal(racers[0].n_complete + racers[1].n_complete, RACES);
	assert_int_equal(held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    F(a_datagram_is_whole_when_its_last_part_comes_in_any_order),
	    F(a_guest_s_fragments_are_copied_before_it_can_change_them),
	    F(padding_behind_a_fragment_stays_out),
	    F(what_translation_changes_is_in_the_fragments_that_go_on),
	    F(a_datagram_that_has_become_longer_is_no_more_that_of_its_fragments),
	    F(what_is_no_fragment_is_let_through),
	    F(parts_that_overlap_take_their_datagram_with_them),
	    F(nothing_lies_behind_the_last_part),
	    F(a_part_that_comes_twice_is_left_out),
	    F(what_differs_in_anything_is_of_another_datagram),
	    F(a_datagram_is_whole_once_whichever_threads_have_its_parts),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
