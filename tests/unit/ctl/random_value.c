// Values of fields as text, many with a mask.
#include "tests/unit/ctl/random_model.h"
#include "tests/unit/ctl/random_text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->at, t->room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->room)
		abort(); // RANDOM_LINE is too little
	t->at += n;
	t->room -= (size_t)n;
}

void put_mac(struct text *t, struct eth_addr a)
{
	put(t, "%02x:%02x:%02x:%02x:%02x:%02x", a.b[0], a.b[1], a.b[2], a.b[3], a.b[4], a.b[5]);
}

void put_ipv4(struct text *t, uint32_t ip)
{
	put(t, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff, ip & 0xff);
}

void put_ipv6(struct text *t, struct in6 ip)
{
	char text[INET6_ADDRSTRLEN];

	put(t, "%s", inet_ntop(AF_INET6, &ip, text, sizeof(text)));
}

void put_mac_match(struct text *t)
{
	put_mac(t, pool_mac());
	if (one_in(4))
		put(t, "%s", one_in(2) ? "/ff:ff:ff:ff:ff:00" : "/01:00:00:00:00:00");
}

void put_ipv4_match(struct text *t)
{
	static const unsigned prefixes[] = {0, 1, 7, 8, 9, 16, 23, 24, 30, 31, 32};

	put_ipv4(t, pool_ipv4());
	if (one_in(8))
		put(t, "/255.0.0.255");
	else if (!one_in(3))
		put(t, "/%u", PICK(prefixes));
}

void put_ipv6_match(struct text *t)
{
	static const unsigned prefixes[] = {1, 8, 16, 64, 127, 128};

	put_ipv6(t, pool_ipv6());
	if (one_in(8))
		put(t, "/ff00::ff");
	else if (!one_in(3))
		put(t, "/%u", PICK(prefixes));
}

void put_tp_match(struct text *t)
{
	static const unsigned masks[] = {0xfff0, 0xfc00, 0x0001, 0xfffe, 0x8000};

	put(t, "%u", pool_tp());
	if (one_in(3))
		put(t, "/%#x", PICK(masks));
}

void put_port_match(struct text *t)
{
	put(t, "%u", 1 + pick(POOL_PORTS));
}

void put_vid_match(struct text *t)
{
	put(t, "%u", pool_vid());
}

void put_pcp_match(struct text *t)
{
	put(t, "%u", pick(8));
}

void put_tci_match(struct text *t)
{
	static const char *const values[] = {
	    "0", "0x1000/0x1000", "0/0x1fff", "0x100a/0x1fff", "0x1000/0x1001", "0x6000/0x6000"};

	put(t, "%s", PICK(values));
}

void put_vlan_vid_match(struct text *t)
{
	static const char *const values[] = {"0x1000/0x1000", "0x100a", "0x1014/0x101c", "0"};

	put(t, "%s", PICK(values));
}

void put_tos_match(struct text *t)
{
	put(t, "%u", one_in(2) ? 0u : 0xb8u);
}

void put_dscp_match(struct text *t)
{
	put(t, "%u", one_in(2) ? 1u : 46u);
}

void put_ecn_match(struct text *t)
{
	put(t, "%u", pick(4));
}

void put_ttl_match(struct text *t)
{
	put(t, "%u", 62 + pick(3));
}

void put_frag_match(struct text *t)
{
	static const char *const words[] = {"no", "yes", "first", "later", "not_later"};

	put(t, "%s", PICK(words));
}

void put_flags_match(struct text *t)
{
	static const char *const words[] = {"+syn-ack", "+ack",	  "-rst",
					    "0x2",	"0/0x1f", "+fin+ack"};

	put(t, "%s", PICK(words));
}

void put_small_match(struct text *t)
{
	put(t, "%u", pick(3));
}

void put_masked_match(struct text *t)
{
	put(t, "%#x", pick(4));
	if (one_in(2))
		put(t, "/%#x", 1 + pick(15));
}

void put_type6_match(struct text *t)
{
	put(t, "%u", 128 + pick(9));
}

void put_label_match(struct text *t)
{
	put(t, "%u", pool_label());
}

void put_bit_match(struct text *t)
{
	put(t, "%u", pick(2));
}

void put_mac_value(struct text *t)
{
	put_mac(t, pool_mac());
}

void put_ipv4_value(struct text *t)
{
	put_ipv4(t, pool_ipv4());
}

void put_ipv4_masked(struct text *t)
{
	static const char *const masks[] = {"", "", "/24", "/8", "/255.0.0.255", "/0.0.0.1"};

	put_ipv4(t, pool_ipv4());
	put(t, "%s", PICK(masks));
}

void put_ipv6_value(struct text *t)
{
	put_ipv6(t, pool_ipv6());
}

void put_tp_value(struct text *t)
{
	put(t, "%u", pool_tp());
}

void put_vlan_vid_value(struct text *t)
{
	put(t, "%u", 0x1000u | pool_vid());
}

void put_ttl_value(struct text *t)
{
	static const unsigned ttls[] = {0, 1, 2, 64, 128};

	put(t, "%u", PICK(ttls));
}

void put_port_value(struct text *t)
{
	put(t, "%u", 1 + pick(POOL_PORTS));
}

void put_op_value(struct text *t)
{
	put(t, "%u", 1 + pick(2));
}
