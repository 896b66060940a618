// The fast extraction, as each instruction set compiles it, against flow_extract(): on scapy's
// frames cut at every length, on changed and on random ones, each right before a page that may not
// be read.
#include "inlines.h"
#include "vector.h"

#include "flowtable/key_words.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_CHANGED   1000000
#define N_CHAINS    300000
#define IN_PORT	    0x89abcdef
#define RECIRC_ID   0xfedcba98
#define HEAD	    128u
#define HEADERS_MAX 256u
#define FRAME_MAX   512u

struct frame {
	uint32_t len;
	uint8_t bytes[FRAME_MAX];
};

struct extracted {
	struct flow_key key;
	struct packet_layout layout;
};

static uint8_t *readable_end; // what follows is a page that cannot be read
static const struct inlines *rows[N_ISAS];
static unsigned n_rows;

static int map_guard(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p =
	    mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page, page, PROT_NONE) != 0)
		return -1;
	readable_end = p + page;
	n_rows = inlines_rows(rows);
	return 0;
}

static int unmap_guard(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return munmap(readable_end - page, 2 * page);
}

static const uint8_t *before_guard(const struct frame *f, uint32_t len)
{
	return memcpy(readable_end - len, f->bytes, len);
}

static struct extracted extract(const struct frame *f, uint32_t len)
{
	struct extracted e;

	memset(&e, 0xa5, sizeof(e));
	e.key.in_port = IN_PORT;
	e.key.recirc_id = RECIRC_ID;
	flow_extract(before_guard(f, len), len, &e.key, &e.layout);
	return e;
}

static bool same(const struct extracted *a, const struct extracted *b)
{
	return memcmp(&a->key, &b->key, FLOW_KEY_HOT_BYTES) == 0 &&
	       memcmp(&a->layout, &b->layout, sizeof(a->layout)) == 0;
}

// Told from what flow_extract() found: the frames that the fast way takes.
static bool is_common(const struct extracted *e)
{
	uint16_t l3_ofs = e->layout.l3_ofs, l4_ofs = e->layout.l4_ofs;
	uint16_t tpid = BE16(e->key.vlan[0].tpid_be), type = BE16(e->key.eth_type_be);

	if (l4_ofs == LAYOUT_NONE || e->key.nw_frag != 0 || e->key.vlan[1].tpid_be != 0 ||
	    (e->key.nw_proto != IPPROTO_TCP && e->key.nw_proto != IPPROTO_UDP))
		return false;
	if (type == 0x0800)
		return l4_ofs - l3_ofs == 20 &&
		       ((tpid == 0 && l3_ofs == 14) || (tpid == 0x8100 && l3_ofs == 18));
	return type == 0x86dd && l4_ofs - l3_ofs == 40 && tpid == 0 && l3_ofs == 14;
}

static void check_line2(const struct flow_key *key)
{
	static const struct flow_key zero;
	struct flow_key whole;

	flow_key_whole(&whole, key);
	uint32_t hash = flow_key_hash(&whole, 7);

	if (!key_has_line2(key))
		assert_memory_equal(&key->ipv6_src, &zero.ipv6_src, FLOW_KEY_LINE);
	for (unsigned i = 0; i < n_rows; i++)
		assert_int_equal(rows[i]->packet_hash(key, 7), hash);
}

// Returns whether the frame went the fast way.
static bool check_fast(const struct frame *f, uint32_t len)
{
	struct extracted want = extract(f, len), untouched;
	bool common = is_common(&want);

	memset(&untouched, 0x5a, sizeof(untouched));
	check_line2(&want.key);
	for (unsigned i = 0; i < n_rows; i++) {
		struct extracted got = untouched;
		bool taken = rows[i]->extract_fast(before_guard(f, len), len, IN_PORT, RECIRC_ID,
						   &got.key, &got.layout);

		assert_int_equal(taken, common);
		assert_true(same(&got, common ? &want : &untouched));
		assert_memory_equal(&got.key.ct, &untouched.key.ct,
				    sizeof(got.key) - FLOW_KEY_HOT_BYTES);
	}
	return common;
}

// What the first `len` bytes give is what up to 256 of them give, or more is asked for.
static bool check_wants_more(const struct frame *f, uint32_t len)
{
	uint32_t most = f->len < HEADERS_MAX ? f->len : HEADERS_MAX;
	struct extracted some, all = extract(f, most);

	len = len < most ? len : most;
	some = extract(f, len);

	bool wants = flow_extract_wants_more(&some.key, len, f->len);

	assert_true(wants || same(&some, &all));
	return wants;
}

static void vector_frame(const struct vector *v, struct frame *f)
{
	assert_true(v->len <= sizeof(f->bytes));
	f->len = v->len;
	memcpy(f->bytes, v->bytes, v->len);
}

static uint32_t below(unsigned *seed, uint32_t n)
{
	return (uint32_t)(rand_r(seed) >> 4) % n;
}

// A vector, now and then longer, with up to three bytes changed, most of them in the headers.
static void changed_vector(struct frame *f, unsigned *seed)
{
	vector_frame(&vectors[below(seed, N_VECTORS)], f);
	if (below(seed, 2) == 0)
		for (uint32_t more = below(seed, FRAME_MAX - f->len); more > 0; more--)
			f->bytes[f->len++] = (uint8_t)below(seed, 256);
	for (unsigned i = below(seed, 4); i > 0; i--) {
		uint32_t among = below(seed, 4) && f->len > 64 ? 64 : f->len;

		f->bytes[below(seed, among)] = (uint8_t)below(seed, 256);
	}
}

static uint8_t one_of(unsigned *seed, const uint8_t *list, uint32_t n)
{
	return list[below(seed, n)];
}

// IPv6 with extension headers, then a transport header or ND with options, up to 512 bytes.
static void random_chain(struct frame *f, unsigned *seed)
{
	static const uint8_t ext[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
				      IPPROTO_FRAGMENT, IPPROTO_AH};
	static const uint8_t upper[] = {IPPROTO_TCP,	IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMPV6,
					IPPROTO_ICMPV6, IPPROTO_ESP, IPPROTO_NONE};
	uint32_t ofs = 54;
	uint8_t *next = &f->bytes[20];

	f->len = 54 + below(seed, FRAME_MAX - 54);
	for (uint32_t i = 0; i < FRAME_MAX; i++)
		f->bytes[i] = below(seed, 4) ? 0 : (uint8_t)below(seed, 3);
	memcpy(&f->bytes[12], (const uint8_t[]){0x86, 0xdd, 0x60}, 3);
	f->bytes[18] = below(seed, 8) != 0;
	f->bytes[19] = (uint8_t)below(seed, 256);
	for (unsigned i = below(seed, 10); i > 0 && ofs < 300; i--) {
		uint32_t units = below(seed, 6);
		uint32_t len = (units + 1) * 8;

		*next = one_of(seed, ext, sizeof(ext));
		if (*next == IPPROTO_AH)
			len = (units + 2) * 4;
		if (*next == IPPROTO_FRAGMENT)
			len = 8;
		next = &f->bytes[ofs];
		next[1] = (uint8_t)units;
		ofs += len;
	}
	*next = one_of(seed, upper, sizeof(upper));
	if (*next != IPPROTO_ICMPV6)
		return;
	f->bytes[ofs] = (uint8_t)(134 + below(seed, 4));
	f->bytes[ofs + 1] = 0;
	for (ofs += 24; ofs + 2 < FRAME_MAX; ofs += f->bytes[ofs + 1] * 8u) {
		f->bytes[ofs] = (uint8_t)(1 + below(seed, 4));
		f->bytes[ofs + 1] = (uint8_t)(1 + below(seed, 4));
	}
}

static void scapys_frames_cut_at_every_length(void **state)
{
	(void)state;
	struct frame f;
	unsigned n_common = 0;

	for (unsigned i = 0; i < N_VECTORS; i++) {
		vector_frame(&vectors[i], &f);
		for (uint32_t len = 0; len <= f.len; len++) {
			check_wants_more(&f, len);
			n_common += check_fast(&f, len);
		}
	}
	assert_in_range(n_common, 10, UINT32_MAX);
}

static void changed_frames(void **state)
{
	(void)state;
	struct frame f;
	unsigned seed = 11, n_common = 0;

	for (unsigned i = 0; i < N_CHANGED; i++) {
		changed_vector(&f, &seed);
		check_wants_more(&f, f.len < HEAD ? f.len : HEAD);
		check_wants_more(&f, below(&seed, f.len + 1));
		n_common += check_fast(&f, f.len - (below(&seed, 2) ? 0 : below(&seed, f.len)));
	}
	assert_in_range(n_common, N_CHANGED / 20, N_CHANGED);
}

static void every_value_of_each_byte_of_a_common_frame(void **state)
{
	(void)state;
	struct frame f;

	for (unsigned i = 0; i < N_VECTORS; i++) {
		vector_frame(&vectors[i], &f);
		if (!check_fast(&f, f.len))
			continue;
		for (uint32_t ofs = 0; ofs < f.len && ofs < 80; ofs++) {
			for (unsigned value = 0; value < 256; value++) {
				f.bytes[ofs] = (uint8_t)value;
				check_fast(&f, f.len);
			}
			f.bytes[ofs] = vectors[i].bytes[ofs];
		}
	}
}

static void ipv6_that_may_end_later_wants_more(void **state)
{
	(void)state;
	struct frame f;
	unsigned seed = 12, n_wants = 0;

	for (unsigned i = 0; i < N_CHAINS; i++) {
		random_chain(&f, &seed);
		n_wants += check_wants_more(&f, f.len < HEAD ? f.len : HEAD);
		check_wants_more(&f, below(&seed, f.len + 1));
		check_fast(&f, f.len);
	}
	assert_in_range(n_wants, N_CHAINS / 10, N_CHAINS * 9 / 10);
}

// A long frame of the common kinds, of which the head only is there: its lengths reach past it.
static void head_of_a_long_common_frame_is_enough(void **state)
{
	(void)state;
	static const char *const names[] = {"IPv4 TCP", "IPv4 UDP", "VLAN 0x8100", "IPv6 TCP",
					    "IPv6 UDP"};
	struct frame f;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct vector *v = vector_named(names[i]);
		uint32_t length_ofs =
		    v->layout.l3_ofs + (BE16(v->key.eth_type_be) == 0x0800 ? 2 : 4);

		vector_frame(v, &f);
		memset(f.bytes + f.len, 0, sizeof(f.bytes) - f.len);
		f.len = sizeof(f.bytes);
		f.bytes[length_ofs] = 0x05;
		assert_true(check_fast(&f, HEAD));
		assert_false(check_wants_more(&f, HEAD));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scapys_frames_cut_at_every_length),
	    cmocka_unit_test(changed_frames),
	    cmocka_unit_test(every_value_of_each_byte_of_a_common_frame),
	    cmocka_unit_test(ipv6_that_may_end_later_wants_more),
	    cmocka_unit_test(head_of_a_long_common_frame_is_enough),
	};

	return cmocka_run_group_tests_name("extract_fast", tests, map_guard, unmap_guard);
}
