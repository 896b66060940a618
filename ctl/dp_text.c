#include "ctl/dp_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

void dp_text_sep(struct dp_text *t)
{
	if (!t->first)
		fputc(',', t->out);
	t->first = false;
}

void dp_text_open(struct dp_text *t, const char *name)
{
	dp_text_sep(t);
	fprintf(t->out, "%s(", name);
	t->first = true;
}

void dp_text_close(struct dp_text *t)
{
	fputc(')', t->out);
	t->first = false;
}

static bool all_ones(const void *mask, size_t len)
{
	const uint8_t *bytes = mask;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != UINT8_MAX)
			return false;
	}
	return true;
}

bool dp_text_wild(const void *mask, size_t len)
{
	const uint8_t *bytes = mask;
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

// The length of a prefix mask, or -1 when it is none.
static int prefix_len(const uint8_t *mask, unsigned len)
{
	unsigned i = 0;
	while (i < len * 8 && mask[i / 8] & (0x80 >> i % 8))
		i++;
	for (unsigned rest = i; rest < len * 8; rest++) {
		if (mask[rest / 8] & (0x80 >> rest % 8))
			return -1;
	}
	return (int)i;
}

void dp_text_mac(struct dp_text *t, const char *name, const struct eth_addr *a,
		 const struct eth_addr *mask)
{
	static const char fmt[] = "%s%02x:%02x:%02x:%02x:%02x:%02x";
	if (dp_text_wild(mask, sizeof(*mask)))
		return;
	dp_text_sep(t);
	fprintf(t->out, "%s=", name);
	fprintf(t->out, fmt, "", a->b[0], a->b[1], a->b[2], a->b[3], a->b[4], a->b[5]);
	if (!all_ones(mask, sizeof(*mask)))
		fprintf(t->out, fmt, "/", mask->b[0], mask->b[1], mask->b[2], mask->b[3],
			mask->b[4], mask->b[5]);
}

// An address of `len` bytes with its mask as a prefix length where it is one.
static void put_addr(struct dp_text *t, const char *name, int family, const void *addr,
		     const void *mask, unsigned len)
{
	char buf[INET6_ADDRSTRLEN];
	if (dp_text_wild(mask, len))
		return;
	dp_text_sep(t);
	fprintf(t->out, "%s=%s", name, inet_ntop(family, addr, buf, sizeof(buf)));
	int prefix = prefix_len(mask, len);
	if (prefix < 0)
		fprintf(t->out, "/%s", inet_ntop(family, mask, buf, sizeof(buf)));
	else if (prefix < (int)len * 8)
		fprintf(t->out, "/%d", prefix);
}

void dp_text_ipv4(struct dp_text *t, const char *name, uint32_t addr_be, uint32_t mask_be)
{
	put_addr(t, name, AF_INET, &addr_be, &mask_be, sizeof(addr_be));
}

void dp_text_ipv6(struct dp_text *t, const char *name, const struct in6 *addr,
		  const struct in6 *mask)
{
	put_addr(t, name, AF_INET6, addr, mask, sizeof(*addr));
}

// `number` is the value as text; nothing is written for a field that is not matched.
static void put_number(struct dp_text *t, const char *name, const char *number, uint32_t mask,
		       uint32_t exact)
{
	if (mask == 0)
		return;
	dp_text_sep(t);
	fprintf(t->out, "%s=%s", name, number);
	if (mask != exact)
		fprintf(t->out, "/0x%" PRIx32, mask);
}

void dp_text_dec(struct dp_text *t, const char *name, uint32_t value, uint32_t mask, uint32_t exact)
{
	char number[16];
	snprintf(number, sizeof(number), "%" PRIu32, value);
	put_number(t, name, number, mask, exact);
}

void dp_text_hex(struct dp_text *t, const char *name, uint32_t value, uint32_t mask, uint32_t exact)
{
	char number[16];
	snprintf(number, sizeof(number), "0x%" PRIx32, value);
	put_number(t, name, number, mask, exact);
}

void dp_text_ports(struct dp_text *t, uint16_t src_be, uint16_t dst_be, uint16_t src_mask_be,
		   uint16_t dst_mask_be)
{
	dp_text_dec(t, "src", ntohs(src_be), ntohs(src_mask_be), UINT16_MAX);
	dp_text_dec(t, "dst", ntohs(dst_be), ntohs(dst_mask_be), UINT16_MAX);
}

void dp_text_lse(struct dp_text *t, uint32_t lse_be, uint32_t mask_be, bool label_always)
{
	uint32_t lse = ntohl(lse_be), mask = ntohl(mask_be);
	if (label_always && mask >> MPLS_LABEL_SHIFT == 0) {
		dp_text_sep(t);
		fputs("label=0/0x0", t->out);
	}
	dp_text_dec(t, "label", lse >> MPLS_LABEL_SHIFT, mask >> MPLS_LABEL_SHIFT, 0xfffff);
	dp_text_dec(t, "tc", (lse & MPLS_TC_MASK) >> MPLS_TC_SHIFT,
		    (mask & MPLS_TC_MASK) >> MPLS_TC_SHIFT, 7);
	dp_text_dec(t, "ttl", lse & MPLS_TTL_MASK, mask & MPLS_TTL_MASK, UINT8_MAX);
	dp_text_dec(t, "bos", (lse & MPLS_BOS) != 0, (mask & MPLS_BOS) != 0, 1);
}

void dp_text_port(struct dp_text *t, uint32_t no, dp_port_name_fn port_name, void *arg)
{
	const char *name = port_name != NULL ? port_name(no, arg) : NULL;
	if (name != NULL)
		fputs(name, t->out);
	else
		fprintf(t->out, "%" PRIu32, no);
}

// The parts of a tag; the presence bit goes without saying when it must be set.
void dp_text_tag(struct dp_text *t, const struct vlan_tag *tag, const struct vlan_tag *mask)
{
	uint16_t tci = ntohs(tag->tci_be), bits = ntohs(mask->tci_be);
	dp_text_dec(t, "vid", tci & VLAN_VID_MASK, bits & VLAN_VID_MASK, VLAN_VID_MASK);
	dp_text_dec(t, "pcp", tci >> VLAN_PCP_SHIFT, bits >> VLAN_PCP_SHIFT, 7);
	if (!(bits & VLAN_CFI) || !(tci & VLAN_CFI))
		dp_text_dec(t, "cfi", (tci & VLAN_CFI) != 0, (bits & VLAN_CFI) != 0, 1);
}

const char *dp_label_text(const uint8_t label[DP_LABEL_BYTES], char text[DP_LABEL_TEXT])
{
	unsigned i = DP_LABEL_BYTES - 1;
	while (i > 0 && label[i] == 0)
		i--;
	int n = snprintf(text, DP_LABEL_TEXT, "0x%x", label[i]);
	while (i-- > 0)
		n += snprintf(text + n, DP_LABEL_TEXT - (size_t)n, "%02x", label[i]);
	return text;
}

void dp_text_label(struct dp_text *t, const uint8_t label[DP_LABEL_BYTES],
		   const uint8_t mask[DP_LABEL_BYTES])
{
	static const uint8_t exact[DP_LABEL_BYTES] = {[0 ... DP_LABEL_BYTES - 1] = 0xff};
	char text[DP_LABEL_TEXT];
	fputs(dp_label_text(label, text), t->out);
	if (memcmp(mask, exact, sizeof(exact)) != 0)
		fprintf(t->out, "/%s", dp_label_text(mask, text));
}
