// A switch's control side in a box: rules and groups from text, ports, an FDB, and what becomes of
// a packet as text: its datapath actions and its megaflow, in ovs-dpctl's syntax.
#ifndef TESTS_UNIT_CTL_TRANSLATE_BENCH_H
#define TESTS_UNIT_CTL_TRANSLATE_BENCH_H

#include "ctl/dp_actions.h"
#include "ctl/swctld/translate.h"

#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#define BENCH_RULES_MAX 600
#define BENCH_PORTS	6

struct bench {
	struct xlate_ctx ctx;
	struct classifier *tables[OF_TABLE_MAX + 1];
	struct fdb *fdb;
	struct frozen_states *frozen;
	struct groups *groups;
	struct xlate_port ports[BENCH_PORTS]; // vm1 to vm6
	struct rule *list[BENCH_RULES_MAX];
	unsigned n_rules;
	struct xlate_result result;
	char actions[8192], megaflow[1024], learned[1024];
};

static inline struct bench *bench_create(void)
{
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	assert_non_null(b);
	memset(b, 0, sizeof(*b));
	b->fdb = fdb_create();
	b->frozen = frozen_create();
	b->groups = groups_create(NULL);
	for (unsigned i = 0; i < BENCH_PORTS; i++) {
		b->ports[i].no = i + 1;
		b->ports[i].up = true;
	}
	b->ctx = (struct xlate_ctx){.tables = (const struct classifier *const *)b->tables,
				    .groups = b->groups,
				    .fdb = b->fdb,
				    .frozen = b->frozen,
				    .ports = b->ports,
				    .n_ports = BENCH_PORTS,
				    .now_ms = 1000,
				    .learn = true};
	return b;
}

// No rules.
static inline void bench_clear(struct bench *b)
{
	for (unsigned i = 0; i < b->n_rules; i++) {
		classifier_del(b->tables[b->list[i]->table], &b->list[i]->cls);
		rule_unref(b->list[i]);
	}
	b->n_rules = 0;
}

static inline void bench_destroy(struct bench *b)
{
	bench_clear(b);
	xlate_result_fini(&b->result);
	for (unsigned i = 0; i <= OF_TABLE_MAX; i++)
		classifier_destroy(b->tables[i]);
	groups_destroy(b->groups);
	frozen_destroy(b->frozen);
	fdb_destroy(b->fdb);
	free(b);
}

static inline bool bench_put(struct bench *b, const struct of_flow *flow)
{
	struct classifier **c = &b->tables[flow->table];
	if (!*c)
		*c = classifier_create();
	if (classifier_find(*c, &flow->match, flow->priority))
		return false;
	assert_true(b->n_rules < BENCH_RULES_MAX);
	struct rule *rule = rule_create(flow, &flow->match, b->ctx.now_ms);
	assert_non_null(rule);
	assert_int_equal(classifier_add(*c, &rule->cls), 0);
	b->list[b->n_rules++] = rule;
	return true;
}

// false when the line is refused, or its match is there.
static inline bool bench_try_add(struct bench *b, const char *line, struct of_error *error)
{
	struct of_flow flow;
	if (of_flow_parse(&flow, OF_FLOW_ADD, line, &ports, error) < 0)
		return false;
	bool added = bench_put(b, &flow);
	of_flow_fini(&flow);
	return added;
}

static inline void bench_add(struct bench *b, const char *line)
{
	struct of_error error = {0};
	if (!bench_try_add(b, line, &error))
		fail_msg("%s: %s", line, error.text);
}

static inline void bench_group(struct bench *b, const char *line)
{
	struct of_group group;
	struct of_error error = {0};
	struct items_change change = {0};
	if (of_group_parse(&group, line, &ports, &error) < 0)
		fail_msg("%s: %s", line, error.text);
	items_begin(groups_items(b->groups), b->ctx.now_ms, 0, true);
	assert_int_equal(groups_put(b->groups, &group), 0);
	items_settle(groups_items(b->groups), &change);
}

// Rules, one a line, in the place of all others.
static inline void bench_rules(struct bench *b, const char *lines)
{
	char *copy = strdup(lines), *rest = copy, *line;
	bench_clear(b);
	while ((line = strsep(&rest, "\n")))
		bench_add(b, line);
	free(copy);
}

static inline enum xlate_end bench_end(struct bench *b, const struct flow_key *key)
{
	xlate_result_fini(&b->result);
	int err = translate(&b->ctx, key, &b->result);
	assert_true((err == 0) == (b->result.end == XLATE_OK));
	return b->result.end;
}

// Translates; the actions as text, "drop" for none.
static inline const char *bench_run(struct bench *b, const struct flow_key *key)
{
	if (bench_end(b, key) != XLATE_OK)
		fail_msg("%s", xlate_end_text(b->result.end));
	char *text = dp_actions_format(b->result.actions, b->result.n_actions, NULL, NULL);
	snprintf(b->actions, sizeof(b->actions), "%s", text);
	free(text);
	return b->actions;
}

// The megaflow of the last translation. recirc_id(0), which all have, is left out.
static inline const char *bench_megaflow(struct bench *b)
{
	static const char common[] = "recirc_id(0),";
	char *text = dp_match_format(&b->result.match, NULL, NULL);
	bool is_first = strncmp(text, common, strlen(common)) == 0;
	snprintf(b->megaflow, sizeof(b->megaflow), "%s", text + (is_first ? strlen(common) : 0));
	free(text);
	return b->megaflow;
}

#define EXPECT_RUN(b, packet, want)                             \
	do {                                                    \
		struct flow_key key_ = packet;                  \
		assert_string_equal(bench_run(b, &key_), want); \
	} while (0)

// Under these rules alone.
#define EXPECT(b, lines, packet, want)       \
	do {                                 \
		bench_rules(b, lines);       \
		EXPECT_RUN(b, packet, want); \
	} while (0)

#define EXPECT_MEGAFLOW(b, want) assert_string_equal(bench_megaflow(b), want)

#define EXPECT_END(b, lines, packet, want)                   \
	do {                                                 \
		struct flow_key key_ = packet;               \
		bench_rules(b, lines);                       \
		assert_int_equal(bench_end(b, &key_), want); \
		assert_int_equal((b)->result.n_actions, 0);  \
	} while (0)

// The rule that the last translation's learn() number i makes.
static inline const char *bench_learned(struct bench *b, unsigned i)
{
	assert_true(i < b->result.n_learned);
	const struct of_flow *flow = &b->result.learned[i].flow;
	const struct of_flow_view view = {.match = &flow->match,
					  .actions = flow->actions,
					  .cookie = flow->cookie,
					  .priority = flow->priority,
					  .idle_timeout_s = flow->idle_timeout_s,
					  .hard_timeout_s = flow->hard_timeout_s,
					  .table = flow->table,
					  .flags = flow->flags};
	char *text = of_flow_format(&view, &ports);
	snprintf(b->learned, sizeof(b->learned), "%s", text);
	free(text);
	return b->learned;
}

// A packet that comes round again after the last translation's only recirculation, as `changed`.
static inline struct flow_key bench_round(const struct bench *b, const struct flow_key *changed)
{
	struct flow_key key = *changed;
	assert_int_equal(b->result.n_frozen, 1);
	key.recirc_id = b->result.frozen[0];
	return key;
}

static inline struct eth_addr station(unsigned n)
{
	return (struct eth_addr){{0x52, 0x54, 0, 0, 0, (uint8_t)n}};
}

// Frames go from station to station, station n being on port n.
static inline struct flow_key eth_key(unsigned from, unsigned to, uint16_t eth_type)
{
	return (struct flow_key){.in_port = from,
				 .eth_src = station(from),
				 .eth_dst = station(to),
				 .eth_type_be = htons(eth_type)};
}

// TCP, UDP and SCTP from port 1000 to port 80, ICMP's echo request.
static inline void set_transport(struct flow_key *key, uint8_t proto)
{
	bool is_icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	bool has_ports = proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
	key->nw_proto = proto;
	key->nw_ttl = 64;
	if (is_icmp)
		key->tp_src_be = htons(proto == IPPROTO_ICMP ? 8 : 128);
	if (!has_ports)
		return;
	key->tp_src_be = htons(1000);
	key->tp_dst_be = htons(80);
}

static inline struct flow_key ip_key(unsigned from, unsigned to, uint8_t proto)
{
	struct flow_key key = eth_key(from, to, 0x0800);
	key.ip_src_be = htonl(0x0a000000 + from);
	key.ip_dst_be = htonl(0x0a000000 + to);
	set_transport(&key, proto);
	return key;
}

static inline struct in6 station_in6(unsigned n)
{
	return (struct in6){{0xfd, 0, [15] = (uint8_t)n}};
}

static inline struct flow_key ip6_key(unsigned from, unsigned to, uint8_t proto)
{
	struct flow_key key = eth_key(from, to, 0x86dd);
	key.ipv6_src = station_in6(from);
	key.ipv6_dst = station_in6(to);
	set_transport(&key, proto);
	return key;
}

static inline struct flow_key tcp_key(unsigned from, unsigned to)
{
	return ip_key(from, to, IPPROTO_TCP);
}

static inline struct flow_key tagged_key(unsigned from, unsigned to, uint16_t tci)
{
	struct flow_key key = tcp_key(from, to);
	key.vlan[0] = (struct vlan_tag){htons(0x8100), htons(tci | VLAN_CFI)};
	return key;
}

// A request of station `from` for the address of station `to`.
static inline struct flow_key arp_key(unsigned from, unsigned to)
{
	struct flow_key key = eth_key(from, to, 0x0806);
	memset(&key.eth_dst, 0xff, sizeof(key.eth_dst));
	key.ip_src_be = htonl(0x0a000000 + from);
	key.ip_dst_be = htonl(0x0a000000 + to);
	key.nw_proto = 1;
	key.arp_sha = station(from);
	return key;
}

static inline uint32_t lse_be(uint32_t label, uint32_t tc, bool bottom, uint8_t ttl)
{
	return htonl(label << MPLS_LABEL_SHIFT | tc << MPLS_TC_SHIFT | (bottom ? MPLS_BOS : 0) |
		     ttl);
}

// One label, or two (inner not 0).
static inline struct flow_key mpls_key(unsigned from, unsigned to, uint32_t outer, uint32_t inner)
{
	struct flow_key key = eth_key(from, to, 0x8847);
	key.mpls_lse_be[0] = lse_be(outer, 0, inner == 0, 64);
	if (inner)
		key.mpls_lse_be[1] = lse_be(inner, 0, true, 64);
	return key;
}

#endif
