// A switch's control side in a box: rules from text, ports, an FDB, and a packet's actions as text.
#ifndef TESTS_UNIT_CTL_TRANSLATE_BENCH_H
#define TESTS_UNIT_CTL_TRANSLATE_BENCH_H

#include "ctl/swctld/translate.h"

#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#define BENCH_RULES_MAX 64

struct bench {
	struct xlate_ctx ctx;
	struct classifier *rules;
	struct fdb *fdb;
	struct xlate_port ports[6]; // vm1 to vm6
	struct rule *list[BENCH_RULES_MAX];
	unsigned n_rules;
	struct xlate_result result;
	char text[4096];
};

static inline struct bench *bench_create(void)
{
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	assert_non_null(b);
	memset(b, 0, sizeof(*b));
	b->rules = classifier_create();
	b->fdb = fdb_create();
	for (unsigned i = 0; i < 6; i++)
		b->ports[i].no = i + 1;
	b->ctx = (struct xlate_ctx){.rules = b->rules,
				    .fdb = b->fdb,
				    .ports = b->ports,
				    .n_ports = 6,
				    .now_ms = 1000,
				    .learn = true};
	return b;
}

static inline void bench_clear(struct bench *b)
{
	for (unsigned i = 0; i < b->n_rules; i++) {
		classifier_del(b->rules, &b->list[i]->cls);
		free(b->list[i]);
	}
	b->n_rules = 0;
}

static inline void bench_destroy(struct bench *b)
{
	bench_clear(b);
	classifier_destroy(b->rules);
	fdb_destroy(b->fdb);
	free(b);
}

// false when the line is refused.
static inline bool bench_try_add(struct bench *b, const char *line, struct of_error *error)
{
	struct rule *rule = aligned_alloc(_Alignof(struct rule), sizeof(*rule));
	assert_non_null(rule);
	memset(rule, 0, sizeof(*rule));
	if (of_flow_parse(&rule->flow, line, &ports, error) != 0 ||
	    classifier_find(b->rules, &rule->flow.match, rule->flow.priority)) {
		free(rule);
		return false;
	}
	rule->cls.match = rule->flow.match;
	rule->cls.priority = rule->flow.priority;
	assert_int_equal(classifier_add(b->rules, &rule->cls), 0);
	b->list[b->n_rules++] = rule;
	return true;
}

static inline void bench_add(struct bench *b, const char *line)
{
	struct of_error error = {0};
	if (!bench_try_add(b, line, &error))
		fail_msg("%s: %s", line, error.text);
}

static inline int print_mac(char *to, size_t room, const struct eth_addr *mac)
{
	return snprintf(to, room, "%02x:%02x:%02x:%02x:%02x:%02x", mac->b[0], mac->b[1], mac->b[2],
			mac->b[3], mac->b[4], mac->b[5]);
}

// A masked field: "NAME=VALUE" when its mask is full; must be full or empty.
static inline int print_eth(char *to, size_t room, const struct action_set_eth *s)
{
	static const struct eth_addr full = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	int n = snprintf(to, room, "eth(");
	if (memcmp(&s->src_mask, &full, 6) == 0) {
		n += snprintf(to + n, room - (size_t)n, "src=");
		n += print_mac(to + n, room - (size_t)n, &s->src);
	}
	if (memcmp(&s->dst_mask, &full, 6) == 0) {
		n += snprintf(to + n, room - (size_t)n, n > 4 ? ",dst=" : "dst=");
		n += print_mac(to + n, room - (size_t)n, &s->dst);
	}
	return n + snprintf(to + n, room - (size_t)n, ")");
}

static inline int print_action(char *to, size_t room, const struct action *a)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	switch (a->type) {
	case ACTION_OUTPUT:
		return snprintf(to, room, "%u", a->u.port);
	case ACTION_PUSH_VLAN:
		assert_true(a->u.vlan.tci_be & htons(VLAN_CFI));
		return snprintf(to, room, "push(%x,%x)", ntohs(a->u.vlan.tpid_be),
				ntohs(a->u.vlan.tci_be) & ~VLAN_CFI);
	case ACTION_POP_VLAN:
		return snprintf(to, room, "pop");
	case ACTION_SET_ETH:
		return print_eth(to, room, &a->u.eth);
	case ACTION_SET_IPV4:
		inet_ntop(AF_INET, &a->u.ipv4.src_be, src, sizeof(src));
		inet_ntop(AF_INET, &a->u.ipv4.dst_be, dst, sizeof(dst));
		return snprintf(to, room, "ip(%s%s)", a->u.ipv4.src_mask_be ? src : "-",
				a->u.ipv4.dst_mask_be ? dst : "-");
	case ACTION_SET_PORTS:
		return snprintf(to, room, "tp%u(%d,%d)", a->u.ports.proto,
				a->u.ports.src_mask_be ? ntohs(a->u.ports.src_be) : -1,
				a->u.ports.dst_mask_be ? ntohs(a->u.ports.dst_be) : -1);
	default:
		fail_msg("action %d is none of translation's", a->type);
		return 0;
	}
}

// Translates; the actions as text, "drop" for none.
static inline const char *bench_run(struct bench *b, const struct flow_key *key)
{
	assert_int_equal(translate(&b->ctx, key, &b->result), 0);
	size_t used = 0;
	snprintf(b->text, sizeof(b->text), "drop");
	for (unsigned i = 0; i < b->result.n_actions; i++) {
		if (i > 0)
			b->text[used++] = ' ';
		used += (size_t)print_action(b->text + used, sizeof(b->text) - used,
					     &b->result.actions[i]);
	}
	return b->text;
}

// One rule "actions=..." over all packets of the key's kind.
static inline const char *bench_do(struct bench *b, const char *line, const struct flow_key *key)
{
	bench_clear(b);
	bench_add(b, line);
	return bench_run(b, key);
}

static inline struct eth_addr station(unsigned n)
{
	return (struct eth_addr){{0x52, 0x54, 0, 0, 0, (uint8_t)n}};
}

// From station to station, station n being on port n.
static inline struct flow_key tcp_key(unsigned from, unsigned to)
{
	struct flow_key key = {.in_port = from,
			       .eth_src = station(from),
			       .eth_dst = station(to),
			       .eth_type_be = htons(0x0800),
			       .ip_src_be = htonl(0x0a000000 + from),
			       .ip_dst_be = htonl(0x0a000000 + to),
			       .nw_proto = IPPROTO_TCP,
			       .nw_ttl = 64,
			       .tp_src_be = htons(1000),
			       .tp_dst_be = htons(80)};
	return key;
}

static inline struct flow_key tagged_key(unsigned from, unsigned to, uint16_t tci)
{
	struct flow_key key = tcp_key(from, to);
	key.vlan[0] = (struct vlan_tag){htons(0x8100), htons(tci | VLAN_CFI)};
	return key;
}

#endif
