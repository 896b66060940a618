// ICMP errors belong to the connection of the packet that they quote (RFC 792; RFC 4443,
// section 2.4; RFC 5508, section 4).
#include "datapath/ct_steps.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <rte_common.h>

#define ICMP_HLEN 8u

static const struct {
	bool is_v6;
	uint8_t type;
} errors[] = {
    {false, ICMP_DEST_UNREACH},	  {false, ICMP_SOURCE_QUENCH}, {false, ICMP_REDIRECT},
    {false, ICMP_TIME_EXCEEDED},  {false, ICMP_PARAMETERPROB}, {true, ICMP6_DST_UNREACH},
    {true, ICMP6_PACKET_TOO_BIG}, {true, ICMP6_TIME_EXCEEDED}, {true, ICMP6_PARAM_PROB},
};

static bool is_error(bool is_v6, uint8_t type)
{
	for (unsigned i = 0; i < RTE_DIM(errors); i++) {
		if (errors[i].is_v6 == is_v6 && errors[i].type == type)
			return true;
	}
	return false;
}

bool ct_icmp_error_read(const uint8_t *icmp, uint32_t len, struct ct_packet *p)
{
	struct ct_key quoted = {.zone = p->key.zone, .dp = p->key.dp, .is_v6 = p->key.is_v6};
	uint32_t l4_ofs;

	if (len <= ICMP_HLEN || !is_error(p->key.is_v6, icmp[0]) ||
	    !ct_packet_quoted(p->key.is_v6, icmp + ICMP_HLEN, len - ICMP_HLEN, &quoted, &l4_ofs))
		return false;
	// It goes to who sent what it quotes.
	if (memcmp(&quoted.src, &p->key.dst, sizeof quoted.src) != 0)
		return false;
	ct_key_reverse(&p->key, &quoted);
	p->is_related = true;
	return true;
}
