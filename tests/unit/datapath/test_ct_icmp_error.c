// ICMP errors find the connection of the packet that they quote, and nothing else does.
#include "datapath/ct_steps.h"

#include "edit_check.h"
#include "tuples.h"

#include <stdlib.h>

static bool read_error(const struct frame *error, uint32_t len, struct ct_packet *p)
{
	uint8_t *exact = malloc(len ? len : 1); // so that a sanitizer sees who reads on
	struct ct_key outer = key_of_frame(error);
	bool found;

	memcpy(exact, error->b + error->l4, len);
	*p = (struct ct_packet){.key = outer};
	p->key.src_port_be = p->key.dst_port_be = 0;
	p->key.zone = 9;
	p->key.dp = 3;
	found = ct_icmp_error_read(exact, len, p);
	free(exact);
	return found;
}

static struct frame sent_of(unsigned i)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP};
	struct frame_spec spec = {.v6 = i & 1, .proto = protos[i / 2 % 4], .payload = 60};
	struct frame f;

	if (spec.v6 && spec.proto == IPPROTO_ICMP)
		spec.proto = IPPROTO_ICMPV6;
	frame_make(&f, &spec);
	if (f.proto == IPPROTO_ICMPV6)
		f.b[f.l4] = 128;
	frame_fix(&f);
	return f;
}

static void errors_have_the_tuple_of_an_answer_to_what_they_quote(void **state)
{
	static const uint8_t types[2][5] = {{3, 4, 5, 11, 12}, {1, 2, 3, 4, 1}};
	struct ct_packet p;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct frame sent = sent_of(i);
		struct ct_key key = key_of_frame(&sent), answer;

		key.zone = 9;
		key.dp = 3;
		ct_key_reverse(&answer, &key);
		for (unsigned t = 0; t < 10; t++) {
			struct frame error =
			    icmp_error_about(&sent, sent.l4 - sent.l3 + 8, t & 1 ? 0x77 : 0,
					     types[i & 1][t / 2]);

			assert_true(read_error(&error, error.len - error.l4, &p));
			assert_true(p.is_related);
			assert_true(ct_key_equal(&p.key, &answer));
		}
	}
}

static void what_is_cut_off_or_about_nothing_finds_none(void **state)
{
	struct ct_packet p;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct frame sent = sent_of(i), error, wrong, about_error;
		uint8_t type = i & 1 ? 1 : 3;
		uint32_t need;

		error = icmp_error_about(&sent, 2000, 0, type);
		need = 8 + (sent.l4 - sent.l3) + (sent.proto == IPPROTO_SCTP ? 0 : 8);
		for (uint32_t len = 0; len < need; len++)
			assert_false(read_error(&error, len, &p));
		assert_true(read_error(&error, need, &p));
		wrong = error;
		wrong.b[wrong.l4] = i & 1 ? 128 : 8; // no error at all
		assert_false(read_error(&wrong, wrong.len - wrong.l4, &p));
		wrong = error;
		wrong.b[wrong.l4 + 8] ^= 0x30; // of no IP version
		assert_false(read_error(&wrong, wrong.len - wrong.l4, &p));
		wrong = error;
		frame_addrs(&wrong)[i & 1 ? 31 : 7] ^= 1; // to somebody else
		assert_false(read_error(&wrong, wrong.len - wrong.l4, &p));
		about_error = icmp_error_about(&error, 2000, 0, type);
		assert_false(read_error(&about_error, about_error.len - about_error.l4, &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(errors_have_the_tuple_of_an_answer_to_what_they_quote),
	    T(what_is_cut_off_or_about_nothing_finds_none),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
