// Random flows and keys out of small domains, so that they meet. The same seed gives the same ones.
#ifndef TESTS_UNIT_CTL_RANDOM_FLOW_H
#define TESTS_UNIT_CTL_RANDOM_FLOW_H

#include "flowtable/key.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_PORTS 6 // numbered from 1

static uint64_t random_state = 88172645463325252ull;

static inline unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 20) % n);
}

static inline bool random_one_in(unsigned n)
{
	return random_below(n) == 0;
}

// Zeroes what a packet of this kind cannot have, as extraction does.
static inline void key_settle(struct flow_key *k)
{
	bool v4 = k->eth_type_be == htons(0x0800), v6 = k->eth_type_be == htons(0x86dd);
	bool arp = k->eth_type_be == htons(0x0806);
	struct flow_key zero = {0};
	if (!(k->vlan[0].tci_be & htons(VLAN_CFI)))
		k->vlan[0] = k->vlan[1] = zero.vlan[0];
	if (!(k->vlan[1].tci_be & htons(VLAN_CFI)))
		k->vlan[1] = zero.vlan[0];
	if (!v4 && !arp)
		k->ip_src_be = k->ip_dst_be = 0;
	if (!v6) {
		k->ipv6_src = k->ipv6_dst = zero.ipv6_src;
		k->ipv6_label_be = 0;
	}
	if (!v4 && !v6) {
		k->nw_tos = k->nw_ttl = k->nw_frag = 0;
		if (!arp)
			k->nw_proto = 0;
	}
	if (k->nw_frag == NW_FRAG_LATER)
		k->nw_frag |= NW_FRAG_ANY;
	bool icmp = (v4 && k->nw_proto == 1) || (v6 && k->nw_proto == 58);
	bool l4 =
	    (v4 || v6) && (k->nw_proto == 6 || k->nw_proto == 17 || k->nw_proto == 132 || icmp);
	if (!l4 || (k->nw_frag & NW_FRAG_LATER))
		k->tp_src_be = k->tp_dst_be = k->tcp_flags_be = 0;
	if (icmp) {
		k->tp_src_be &= htons(0xff);
		k->tp_dst_be &= htons(0xff);
	}
	if (k->nw_proto != 6)
		k->tcp_flags_be = 0;
	uint16_t type = ntohs(k->tp_src_be);
	bool nd = v6 && icmp && (type == 135 || type == 136) && k->tp_dst_be == 0;
	if (!nd)
		k->nd_target = zero.nd_target;
	if (!nd && !arp)
		k->arp_sha = k->arp_tha = zero.arp_sha;
}

static inline struct eth_addr random_mac(void)
{
	struct eth_addr mac = {{0x52, 0x54, 0, 0, 0, (uint8_t)(1 + random_below(6))}};
	if (random_one_in(8))
		mac.b[0] = 0x01;
	if (random_one_in(12))
		memset(&mac, 0xff, sizeof(mac));
	if (random_one_in(16))
		mac = (struct eth_addr){{0x01, 0x80, 0xc2, 0, 0, (uint8_t)random_below(32)}};
	return mac;
}

static inline struct vlan_tag random_tag(void)
{
	struct vlan_tag tag = {htons(random_one_in(4) ? 0x88a8 : 0x8100), 0};
	uint16_t vid = (uint16_t)(random_one_in(3) ? 0 : 10 * random_below(4));
	tag.tci_be = htons((uint16_t)(VLAN_CFI | vid | random_below(3) << VLAN_PCP_SHIFT));
	return tag;
}

static inline struct in6 random_in6(void)
{
	struct in6 a = {{0xfd}};
	a.b[1] = (uint8_t)random_below(2);
	a.b[15] = (uint8_t)random_below(4);
	return a;
}

// Every field has a value, whether the packet can have it or not.
static inline void random_fields_of(struct flow_key *k)
{
	static const uint16_t types[] = {0x0800, 0x0800, 0x0800, 0x86dd,
					 0x86dd, 0x0806, 0x88cc, 0x05ff};
	static const uint8_t protos[] = {6, 6, 17, 132, 1, 58, 58, 47};
	static const uint8_t frags[] = {0, 0, 0, NW_FRAG_ANY, NW_FRAG_ANY | NW_FRAG_LATER};
	memset(k, 0, sizeof(*k));
	k->in_port = 1 + random_below(RANDOM_PORTS);
	k->eth_src = random_mac();
	k->eth_dst = random_mac();
	if (random_one_in(2))
		k->vlan[0] = random_tag();
	if (random_one_in(2))
		k->vlan[1] = random_tag();
	k->ip_src_be = htonl(0x0a000000 | random_below(4) | random_below(2) << 16);
	k->ip_dst_be = htonl(0x0a000000 | random_below(4) | random_below(2) << 16);
	k->eth_type_be = htons(types[random_below(8)]);
	k->nw_proto = protos[random_below(8)];
	if (k->eth_type_be == htons(0x0806))
		k->nw_proto = (uint8_t)(1 + random_below(2));
	k->nw_tos = (uint8_t)(random_below(3) << 2 | random_below(3));
	k->nw_ttl = (uint8_t)(64 - random_below(2));
	k->nw_frag = frags[random_below(5)];
	k->tp_src_be = htons((uint16_t)random_below(4));
	k->tp_dst_be = htons((uint16_t)random_below(4));
	if (k->nw_proto == 58 && !random_one_in(3))
		k->tp_src_be = htons((uint16_t)(135 + random_below(2)));
	k->tcp_flags_be = htons((uint16_t)random_below(32));
	k->ipv6_src = random_in6();
	k->ipv6_dst = random_in6();
	k->ipv6_label_be = htonl(random_below(2));
	k->nd_target = random_in6();
	k->arp_sha = random_mac();
	k->arp_tha = random_mac();
}

static inline void random_key(struct flow_key *k)
{
	random_fields_of(k);
	key_settle(k);
}

#define RANDOM_MIX(field)        \
	if (random_one_in(rate)) \
	k->field = other.field

// Changes a key in some fields.
static inline void random_change(struct flow_key *k)
{
	struct flow_key other;
	unsigned rate = 2 + random_below(8);
	random_fields_of(&other);
	RANDOM_MIX(in_port);
	RANDOM_MIX(eth_src);
	RANDOM_MIX(eth_dst);
	RANDOM_MIX(vlan[0]);
	RANDOM_MIX(vlan[1]);
	RANDOM_MIX(ip_src_be);
	RANDOM_MIX(ip_dst_be);
	RANDOM_MIX(nw_proto);
	RANDOM_MIX(nw_tos);
	RANDOM_MIX(nw_ttl);
	RANDOM_MIX(nw_frag);
	RANDOM_MIX(tp_src_be);
	RANDOM_MIX(tp_dst_be);
	RANDOM_MIX(tcp_flags_be);
	RANDOM_MIX(ipv6_src);
	RANDOM_MIX(ipv6_dst);
	RANDOM_MIX(ipv6_label_be);
	RANDOM_MIX(nd_target);
	RANDOM_MIX(arp_sha);
	RANDOM_MIX(arp_tha);
	key_settle(k);
}

// A field's words, and the protocols (by their letters below) that it goes with.
static const struct {
	const char *protocols;
	const char *words[6];
} random_fields[] = {
    {"*", {"in_port=1", "in_port=2", "in_port=3", "in_port=vm4", "in_port=vm5", "in_port=6"}},
    {"*",
     {"dl_vlan=10", "dl_vlan=20,dl_vlan_pcp=1", "vlan_tci=0", "vlan_tci=0x1000/0x1000",
      "dl_vlan_pcp=2", "vlan_tci=0x2000/0x3000"}},
    {"*",
     {"dl_src=52:54:00:00:00:01", "eth_src=52:54:00:00:00:02",
      "dl_src=52:54:00:00:00:00/ff:ff:ff:00:00:00", "dl_src=01:00:00:00:00:00/01:00:00:00:00:00",
      "dl_src=52:54:00:00:00:03", "dl_src=52:54:00:00:00:04"}},
    {"*",
     {"dl_dst=52:54:00:00:00:01", "eth_dst=52:54:00:00:00:02",
      "dl_dst=52:54:00:00:00:00/ff:ff:ff:00:00:00", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
      "dl_dst=ff:ff:ff:ff:ff:ff", "dl_dst=52:54:00:00:00:04"}},
    {"itusc",
     {"nw_src=10.0.0.1", "nw_src=10.0.0.0/16", "ip_src=10.1.0.0/255.255.0.0",
      "nw_src=10.0.0.1/255.0.0.255", "nw_src=0.0.0.0/1", "nw_src=10.0.0.2"}},
    {"itusc",
     {"nw_dst=10.0.0.1", "nw_dst=10.0.0.0/16", "ip_dst=10.1.0.0/255.255.0.0",
      "nw_dst=10.0.0.1/255.0.0.255", "nw_dst=0.0.0.0/1", "nw_dst=10.0.0.2"}},
    {"TUSCI6",
     {"ipv6_src=fd00::1", "ipv6_src=fd01::/16", "ipv6_src=::1/::3", "ipv6_src=fd00::/120",
      "ipv6_src=fd00::2", "ipv6_src=fd00::/8"}},
    {"TUSCI6",
     {"ipv6_dst=fd00::1", "ipv6_dst=fd01::/16", "ipv6_dst=::1/::3", "ipv6_dst=fd00::/120",
      "ipv6_label=1", "ipv6_label=0/1"}},
    {"itusTUS6",
     {"nw_tos=4", "ip_dscp=1", "nw_ecn=1", "nw_ttl=64", "nw_ttl=63", "nw_tos=8,nw_ecn=2"}},
    {"itusTUS6",
     {"ip_frag=no", "nw_frag=yes", "ip_frag=first", "ip_frag=later", "ip_frag=not_later",
      "nw_frag=no"}},
    {"tusTUS", {"tp_src=1", "tp_src=2", "tp_src=0/1", "tp_src=2/0xfffe", "tp_src=3", "tp_src=0"}},
    {"tusTUS", {"tp_dst=1", "tp_dst=2", "tp_dst=0/1", "tp_dst=2/0xfffe", "tp_dst=3", "tp_dst=0"}},
    {"tT",
     {"tcp_flags=+syn-ack", "tcp_flags=2", "tcp_flags=syn|ack", "tcp_flags=0/0x1f",
      "tcp_flags=-rst", "tcp_flags=0x800/0x800"}},
    {"cC",
     {"icmp_type=1", "icmp_code=0", "icmp_type=2,icmp_code=1", "icmp_type=0", "icmp_code=1",
      "icmp_type=3"}},
    {"N",
     {"nd_target=fd00::1", "nd_target=fd00::/16", "nd_sll=52:54:00:00:00:01", "icmp_code=0",
      "nd_sll=01:00:00:00:00:00/01:00:00:00:00:00", "nd_target=fd00::2,nd_sll=52:54:00:00:00:02"}},
    {"a",
     {"arp_op=1", "arp_op=2", "arp_spa=10.0.0.1", "arp_tpa=10.0.0.0/16",
      "arp_sha=52:54:00:00:00:01", "arp_op=1,arp_tha=52:54:00:00:00:02"}},
};

static const struct {
	char letter;
	const char *word;
} random_protocols[] = {
    {'*', ""},
    {'*', ""},
    {'i', "ip,"},
    {'6', "ipv6,"},
    {'t', "tcp,"},
    {'u', "udp,"},
    {'s', "sctp,"},
    {'c', "icmp,"},
    {'C', "icmp6,"},
    {'T', "tcp6,"},
    {'U', "udp6,"},
    {'S', "sctp6,"},
    {'a', "arp,"},
    {'N', "icmp6,icmp_type=135,"},
    {'l', "dl_type=0x88cc,"},
    {'p', "ip,nw_proto=47,"},
};

static inline size_t random_words(char *buf, size_t room, const char *protocol)
{
	size_t used = 0;
	buf[0] = '\0';
	for (unsigned i = 0; i < sizeof(random_fields) / sizeof(random_fields[0]); i++) {
		const char *of = random_fields[i].protocols;
		if ((of[0] == '*' || strchr(of, *protocol)) && random_one_in(4))
			used += (size_t)snprintf(buf + used, room - used, "%s,",
						 random_fields[i].words[random_below(6)]);
	}
	return used;
}

static inline void random_actions(char *buf, size_t room, char letter)
{
	static const char *const any[] = {"output:1",
					  "output:vm2",
					  "3",
					  "output:4",
					  "NORMAL",
					  "FLOOD",
					  "in_port",
					  "mod_vlan_vid:10",
					  "strip_vlan",
					  "push_vlan:0x8100",
					  "mod_dl_src:52:54:00:00:00:09",
					  "mod_dl_dst:52:54:00:00:00:02",
					  "vm5",
					  "output:6",
					  "push_vlan:0x88a8",
					  "mod_vlan_vid:20",
					  "normal",
					  "all"};
	static const char *const nw[] = {"mod_nw_src:10.0.0.9", "mod_nw_dst:10.0.0.8"};
	static const char *const tp[] = {"mod_tp_src:9", "mod_tp_dst:8"};
	unsigned n = random_below(7);
	size_t used = (size_t)snprintf(buf, room, "%s", n == 0 ? "drop" : "");
	for (unsigned i = 0; i < n; i++) {
		const char *word = any[random_below(18)];
		if (strchr("itusc", letter) && random_one_in(4))
			word = nw[random_below(2)];
		if (strchr("tusTUS", letter) && random_one_in(4))
			word = tp[random_below(2)];
		used += (size_t)snprintf(buf + used, room - used, "%s%s", i ? "," : "", word);
	}
}

// A line that add-flow takes.
static inline void random_flow_line(char *buf, size_t room)
{
	unsigned p = random_below(sizeof(random_protocols) / sizeof(random_protocols[0]));
	char words[1024], actions[512];
	random_words(words, sizeof(words), &random_protocols[p].letter);
	random_actions(actions, sizeof(actions), random_protocols[p].letter);
	snprintf(buf, room, "priority=%u,%s%s%sactions=%s", random_below(8) + 32764,
		 random_one_in(4) ? "idle_timeout=60,cookie=0x12," : "", random_protocols[p].word,
		 words, actions);
	// Fields stand on both sides of the actions' blank, as ovs-ofctl's users write it.
	size_t at = (size_t)(strstr(buf, "actions=") - buf);
	if (at > 0 && random_one_in(2))
		buf[at - 1] = ' ';
}

// The whole language: fields that only the pipeline has, and every action. `letters` are protocols
// as above.
static const struct {
	const char *letters;
	const char *words[4];
} random_pipeline_fields[] = {
    {"*", {"reg0=5", "reg0[0..15]=0x1234", "reg0=0x10/0xf0", "NXM_NX_REG0[3]=1"}},
    {"*", {"xreg1=0x123456789", "reg2=0", "OXM_OF_PKT_REG1[0..7]=9", "xreg1=5/0xff"}},
    {"*", {"xxreg1=7", "reg5=1", "xxreg1=0x10000000000000000/0xffff0000000000000000", "reg7=9"}},
    {"*", {"metadata=5", "metadata=0x10/0xf0", "OXM_OF_METADATA[0..31]=7", "metadata=0"}},
    {"m", {"mpls_label=5", "mpls_label=1048575,mpls_bos=1", "mpls_tc=3", "mpls_ttl=64"}},
};

static const struct {
	const char *letters;
	const char *words[8];
} random_rich_actions[] = {
    {"*",
     {"output:1", "2", "vm3", "NORMAL", "FLOOD", "ALL", "IN_PORT", "output(port=4,max_len=64)"}},
    {"*",
     {"output:NXM_NX_REG0[0..15]", "group:5", "exit", "note:01.02.03", "clone(output:1,2)",
      "clone(mod_vlan_vid:5,clone(drop),output:1)", "resubmit:2", "resubmit(,7)"}},
    {"*",
     {"resubmit(vm1,9)", "mod_vlan_vid:10", "mod_vlan_pcp:3", "strip_vlan", "pop_vlan",
      "set_field:10->dl_vlan", "set_field:0x1005->vlan_tci", "mod_dl_src:52:54:00:00:00:09"}},
    {"*",
     {"mod_dl_dst:52:54:00:00:00:02", "set_field:1:2:3:4:5:6/ff:ff:ff:0:0:0->eth_src",
      "set_field:5->reg0", "set_field:0x50/0xf0->reg15", "set_field:7/0xff->xxreg0",
      "load:5->NXM_NX_REG0[0..7]", "load:0x112233445566778899->xxreg1",
      "load:0->NXM_OF_IN_PORT[]"}},
    {"*",
     {"move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]", "move:reg0->reg1", "move:xxreg0->xxreg1",
      "push:NXM_NX_REG0[]", "pop:reg1[3..9]", "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
      "multipath(eth_src,50,hrw,12,0,NXM_NX_REG0[0..3])",
      "multipath(symmetric_l3l4+udp,1,iter_hash,5,10,reg1)"}},
    {"*",
     {"bundle(eth_src,0,active_backup,ofport,members:1,2)",
      "bundle(symmetric_l4,60,hrw,ofport,members:3)",
      "bundle_load(nw_src,5,hrw,ofport,NXM_NX_REG0[],members:vm4,5)", "push_vlan:0x8100",
      "learn(table=10,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
      "learn(table=1,cookie=5,limit=3,result_dst=reg0[3],eth_type=0x800,ip_src=10.0.0.1)",
      "learn(idle_timeout=5,priority=9,send_flow_rem,reg1[0..7]=6,load:7->reg2,load:reg3->reg4)",
      "learn(hard_timeout=9,in_port=3,dl_vlan=5,delete_learned)"}},
    {"itusc",
     {"mod_nw_src:10.0.0.9", "set_field:10.0.0.0/8->ip_dst", "load:10->NXM_OF_IP_SRC[24..31]",
      "mod_nw_tos:8", "mod_nw_ecn:2", "mod_nw_ttl:9", "dec_ttl", "dec_ttl(1,2)"}},
    {"TUSCI6",
     {"set_field:fd00::1->ipv6_src", "set_field:0x12345->ipv6_label", "mod_nw_tos:252", "dec_ttl",
      "move:NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[]", "set_field:fd00::/64->ipv6_dst",
      "set_field:5->ip_dscp", "load:5->NXM_NX_IPV6_DST[0..63]"}},
    {"tusTUS",
     {"mod_tp_src:9", "mod_tp_dst:8", "mod_tp_dst:0", "mod_tp_src:65535", "mod_tp_src:1",
      "mod_tp_dst:2", "mod_tp_src:3", "mod_tp_dst:4"}},
    {"tT",
     {"set_field:80->tcp_dst", "set_field:0x50/0xff->tcp_src", "load:7->NXM_OF_TCP_SRC[]",
      "move:NXM_OF_TCP_SRC[]->NXM_OF_TCP_DST[]", "set_field:1->tp_src", "push:tcp_dst",
      "pop:tcp_src", "learn(eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[])"}},
    {"a",
     {"load:2->NXM_OF_ARP_OP[]", "set_field:2->arp_op", "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
      "set_field:10.0.0.1->arp_spa", "set_field:1:2:3:4:5:6->arp_sha", "load:5->arp_tpa",
      "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]", "set_field:3->arp_op"}},
    {"m",
     {"set_mpls_label:5", "set_mpls_tc:3", "set_mpls_ttl:9", "dec_mpls_ttl",
      "set_field:9->mpls_label", "push_mpls:0x8848", "load:3->OXM_OF_MPLS_TC[]",
      "push_mpls:0x8847"}},
};

static const char *const random_endings[] = {
    "clear_actions",
    "write_actions(output:1)",
    "write_actions(mod_vlan_vid:3,group:7)",
    "write_metadata:0x5/0xff",
    "goto_table:9",
    "goto_table:254",
};

static inline size_t random_append(char *buf, size_t room, size_t used, const char *word)
{
	int n = snprintf(buf + used, room - used, "%s,", word);
	return n < 0 || (size_t)n >= room - used ? used : used + (size_t)n;
}

// A line that add-flow takes, with anything that the language has; some contradict themselves.
static inline void random_rich_line(char *buf, size_t room)
{
	unsigned p = random_below(sizeof(random_protocols) / sizeof(random_protocols[0]) + 1);
	bool is_mpls = p == sizeof(random_protocols) / sizeof(random_protocols[0]);
	char letter = is_mpls ? 'm' : random_protocols[p].letter;
	size_t used =
	    (size_t)snprintf(buf, room, "priority=%u,table=%u,%s", random_below(65536),
			     random_below(9), is_mpls ? "mpls," : random_protocols[p].word);
	if (random_one_in(4))
		used = random_append(buf, room, used,
				     "idle_timeout=60,hard_timeout=7,cookie=0x12,importance=3");
	if (random_one_in(6))
		used = random_append(buf, room, used, "send_flow_rem,no_packet_counts");
	used += random_words(buf + used, room - used, &letter);
	for (unsigned i = 0; i < 5; i++) {
		const char *letters = random_pipeline_fields[i].letters;
		if ((letters[0] == '*' || strchr(letters, letter)) && random_one_in(5))
			used = random_append(buf, room, used,
					     random_pipeline_fields[i].words[random_below(4)]);
	}
	used += (size_t)snprintf(buf + used, room - used, "actions=%s",
				 random_one_in(8) ? "meter:5," : "");
	unsigned n_kinds = sizeof(random_rich_actions) / sizeof(random_rich_actions[0]);
	for (unsigned n = random_below(6); n > 0; n--) {
		unsigned kind = random_below(n_kinds);
		const char *letters = random_rich_actions[kind].letters;
		if (letters[0] == '*' || strchr(letters, letter))
			used = random_append(buf, room, used,
					     random_rich_actions[kind].words[random_below(8)]);
	}
	for (unsigned i = 0; i < 6; i++) {
		if (random_one_in(8))
			used = random_append(buf, room, used, random_endings[i]);
	}
}

#endif
