// Fragments in front of connection tracking: held until their datagram is whole, then sent on as
// they came with what tracking has changed.
#include "datapath/ct_frag.h"

#include "datapath/csum.h"
#include "datapath/ct_nat_packet.h"
#include "fragments.h"

#include <pthread.h>

#define SIZE  512u // bytes of a part
#define PARTS 8
#define ZONE  9
#define NOW   1000000u

static struct ct_frags *frags;

static int frags_up(void **state)
{
	(void)state;
	frags = ct_frags_create();
	return frags && ct_frags_set_min_size(frags, false, 400) == 0 &&
		       ct_frags_set_min_size(frags, true, 400) == 0
		   ? 0
		   : -1;
}

static int frags_down(void **state)
{
	ct_frags_destroy(frags);
	return no_leak(state);
}

static struct frame udp_frame(unsigned i)
{
	struct frame_spec spec = {.v6 = i & 1,
				  .proto = IPPROTO_UDP,
				  .n_tags = i / 2 % 3,
				  .extensions = (i & 1) && i & 8,
				  .payload = 1800 - i};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static enum ct_frag_verdict add_at(const struct frame *f, uint32_t port, uint64_t now,
				   struct ct_frag_result *result)
{
	struct rte_mbuf *m = packet_of(f, 512);
	enum ct_frag_verdict verdict;

	packet_meta(m)->in_port = port;
	verdict = ct_frag_add(frags, &m, ZONE, now, result);
	if (verdict == CT_FRAG_INVALID || verdict == CT_FRAG_WHOLE)
		rte_pktmbuf_free(m);
	else
		assert_null(m);
	return verdict;
}

static enum ct_frag_verdict add(const struct frame *f, struct ct_frag_result *result)
{
	return add_at(f, 1, NOW, result);
}

static void result_free(struct ct_frag_result *result)
{
	packet_free_bulk(result->frags, result->n);
}

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
		unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts), order[PARTS];

		assert_int_equal(n, 4);
		for (unsigned o = 0; o < 24; o++) {
			order_of(o, n, order);
			for (unsigned k = 0; k < n - 1; k++)
				assert_int_equal(add(&parts[order[k]], &result), CT_FRAG_HELD);
			assert_int_equal(add(&parts[order[n - 1]], &result), CT_FRAG_COMPLETE);
			check_whole(&f, &result);
			assert_int_equal(result.n, n);
			assert_int_equal(ct_frag_release(&result), 0);
			for (unsigned k = 0; k < n; k++)
				assert_bytes(result.frags[k], parts[k].b, parts[k].len);
			result_free(&result);
		}
	}
}

static void a_guest_s_fragments_are_copied_before_it_can_change_them(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts);
	struct ct_frag_result result;
	enum ct_frag_verdict verdict = CT_FRAG_HELD;
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = lent_of(&parts[i], 33, memory);

		verdict = ct_frag_add(frags, &m, ZONE, NOW, &result);
		memset(memory, 0xee, sizeof memory);
	}
	assert_int_equal(verdict, CT_FRAG_COMPLETE);
	check_whole(&f, &result);
	assert_int_equal(ct_frag_release(&result), 0);
	for (unsigned i = 0; i < n; i++)
		assert_bytes(result.frags[i], parts[i].b, parts[i].len);
	result_free(&result);
}

// Padding of short frames is no part of the datagram.
static void padding_behind_a_fragment_stays_out(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts);
	struct ct_frag_result result;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		static const uint8_t padding[7] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};

		frame_put(&parts[i], padding, sizeof padding);
		assert_int_equal(add(&parts[i], &result),
				 i == n - 1 ? CT_FRAG_COMPLETE : CT_FRAG_HELD);
	}
	check_whole(&f, &result);
	assert_int_equal(ct_frag_release(&result), 0);
	for (unsigned i = 0; i < n; i++)
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
	unsigned n = fragments_of(&f, FRAG_ID, SIZE, parts);
	struct ct_frag_result result;

	(void)state;
	for (unsigned i = 0; i < n; i++)
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

static struct ct_frag_counters counters(bool v6)
{
	struct ct_frag_status status;

	ct_frags_status(frags, &status);
	return status.counters[v6];
}

static uint32_t held(void)
{
	struct ct_frag_status status;

	ct_frags_status(frags, &status);
	return status.held;
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

static void fragments_that_nobody_makes_are_invalid(void **state)
{
	struct frame f = udp_frame(0), f6 = udp_frame(1), wrong;
	struct ct_frag_result result;
	struct rte_mbuf *m;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 344, true); // too small
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		assert_int_equal(counters(v6).too_small, 1);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 500, true); // not in units of 8
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 8, false);
		if (v6) // to 65536
			put16(wrong.b + wrong.l4 - 6, 65528);
		else
			put16(wrong.b + wrong.l3 + 6, 65528 / 8);
		if (!v6)
			frame_fix_ipv4(&wrong);
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 8, 0, false);
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	}
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	wrong.b[wrong.l3 + 10] ^= 1; // its header's checksum
	assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	wrong.len--; // cut off
	assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	m = packet_of(&wrong, 512);
	m->ol_flags |= PACKET_OFFLOAD; // a checksum to complete over a part
	assert_int_equal(ct_frag_add(frags, &m, ZONE, NOW, &result), CT_FRAG_INVALID);
	rte_pktmbuf_free(m);
	assert_int_equal(held(), 0);
}

// A header in front makes it longer than its length field can say.
static void a_datagram_is_never_longer_than_its_length_can_say(void **state)
{
	struct frame f = udp_frame(0), part;
	struct ct_frag_result result;
	uint32_t at = 0;

	(void)state;
	for (; at + 1024 < 65520; at += 1024) {
		part = fragment_of(&f, 1, 0, 1024, true);
		put16(part.b + part.l3 + 6, at / 8 | 0x2000);
		frame_fix_ipv4(&part);
		assert_int_equal(add(&part, &result), CT_FRAG_HELD);
	}
	part = fragment_of(&f, 1, 0, 65520 - at, false);
	put16(part.b + part.l3 + 6, at / 8);
	frame_fix_ipv4(&part);
	assert_int_equal(add(&part, &result), CT_FRAG_DROP);
	assert_int_equal(result.n, 64);
	result_free(&result);
}

// IPv6, with so many options that a part has little room.
static void a_datagram_has_so_many_parts_and_no_more(void **state)
{
	struct ct_frag_result result;
	uint8_t options[192] = {IPPROTO_FRAGMENT, 23, 1, 186};

	(void)state;
	for (unsigned i = 0; i <= CT_FRAG_PARTS_MAX; i++) {
		struct frame f = udp_frame(1), part = f;

		part.len = f.l4;
		part.b[f.l3 + 6] = 0;
		frame_put(&part, options, sizeof options);
		frame_put(&part, (uint8_t[]){IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 1}, 8);
		put16(part.b + part.len - 6, i * 160 | 1);
		frame_put(&part, f.b + f.l4, 160);
		put16(part.b + part.l3 + 4, part.len - part.l3 - 40);
		assert_int_equal(add(&part, &result),
				 i < CT_FRAG_PARTS_MAX ? CT_FRAG_HELD : CT_FRAG_DROP);
	}
	assert_int_equal(result.n, CT_FRAG_PARTS_MAX + 1);
	result_free(&result);
}

static void a_port_holds_as_many_as_it_leaves_for_all_others(void **state)
{
	struct frame f = udp_frame(0), part;
	struct ct_frag_result result;
	unsigned n[4] = {0};

	(void)state;
	assert_int_equal(ct_frags_set_held_max(frags, 16), 0);
	for (uint32_t port = 1; port < 4; port++) {
		for (uint32_t id = 0; id < 20; id++) {
			part = fragment_of(&f, id | port << 8, 0, SIZE, true);
			n[port] += add_at(&part, port, NOW, &result) == CT_FRAG_HELD;
		}
	}
	assert_int_equal(n[1], 8);
	assert_int_equal(n[2], 4);
	assert_int_equal(n[3], 2);
	assert_int_equal(ct_frags_set_held_max(frags, CT_FRAG_HELD_MAX + 1), -ERANGE);
}

static unsigned expire_all(uint64_t now)
{
	struct rte_mbuf *pkts[7];
	unsigned n, sum = 0;

	while ((n = ct_frags_expire(frags, now, pkts, RTE_DIM(pkts))) > 0) {
		packet_free_bulk(pkts, n);
		sum += n;
	}
	return sum;
}

static void what_waits_too_long_is_given_up(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	struct ct_frag_result result;

	(void)state;
	for (unsigned id = 0; id < 10; id++) {
		fragments_of(&f, id, SIZE, parts);
		add_at(&parts[0], 1, NOW + id, &result);
		add_at(&parts[1], 1, NOW + 9000, &result);
	}
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS - 1), 0);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS), 2); // since the first came
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS + 9), 18);
	assert_int_equal(counters(false).expired, 20);
	assert_int_equal(held(), 0);
	// A datagram that had failed is forgotten, too.
	add(&parts[0], &result);
	parts[1] = fragment_of(&f, 9, SIZE - 8, SIZE, true);
	assert_int_equal(add(&parts[1], &result), CT_FRAG_DROP);
	result_free(&result);
	add_at(&parts[2], 1, NOW, &result);
	parts[1] = fragment_of(&f, 8, 0, SIZE, true);
	add_at(&parts[1], 1, NOW, &result);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS), 1);
	assert_int_equal(add_at(&parts[0], 1, NOW + CT_FRAG_TIMEOUT_MS, &result), CT_FRAG_HELD);
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

static void operators_see_what_waits(void **state)
{
	struct frame f = udp_frame(0), f6 = udp_frame(1);
	struct frame parts[] = {fragment_of(&f, 0x1234, 0, SIZE, true),
				fragment_of(&f6, 7, SIZE, 264, false)};
	struct ct_frag_result result;
	struct ct_frag_entry e;
	uint32_t cursor = 0;
	unsigned n = 0;

	(void)state;
	add(&parts[0], &result);
	add(&parts[1], &result);
	for (; ct_frags_next(frags, &cursor, &e); n++) {
		assert_int_equal(e.n, 1);
		assert_int_equal(e.zone, ZONE);
		assert_string_equal(e.state, e.is_v6 ? "last frag" : "first frag");
		assert_int_equal(rte_be_to_cpu_32(e.id_be), e.is_v6 ? 7 : 0x1234);
		assert_int_equal(e.proto, e.is_v6 ? 0 : IPPROTO_UDP);
	}
	assert_int_equal(n, 2);
	assert_int_equal(counters(false).accepted, 1);
	assert_int_equal(counters(true).accepted, 1);
	ct_frags_set_enabled(frags, false, false);
	assert_int_equal(add(&parts[0], &result), CT_FRAG_INVALID);
	assert_int_equal(ct_frags_set_min_size(frags, false, CT_FRAG_MIN_BOUND - 1), -ERANGE);
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

#define F(name) cmocka_unit_test_setup_teardown(name, frags_up, frags_down)

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
	    F(fragments_that_nobody_makes_are_invalid),
	    F(a_datagram_is_never_longer_than_its_length_can_say),
	    F(a_datagram_has_so_many_parts_and_no_more),
	    F(a_port_holds_as_many_as_it_leaves_for_all_others),
	    F(what_waits_too_long_is_given_up),
	    F(what_differs_in_anything_is_of_another_datagram),
	    F(operators_see_what_waits),
	    F(a_datagram_is_whole_once_whichever_threads_have_its_parts),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
