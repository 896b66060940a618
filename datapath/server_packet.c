// The packet family: packets that the control side sends with actions.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "datapath/pmd.h"

#include <errno.h>
#include <string.h>

// What is to be sent, an Ethernet header in the place of one that it has not (edit_eth.c).
struct bytes {
	const uint8_t *data;
	uint32_t len;
	uint8_t linear[FRAME_MAX]; // then data
};

static void bytes_of(const struct nlattr *packet, const struct flow_key *key, struct bytes *bytes)
{
	bytes->data = dp_attr_payload(packet);
	bytes->len = dp_attr_len(packet);
	if (!(key->nw_frag & NW_NO_ETH))
		return;
	memset(bytes->linear, 0, FRAME_MIN - sizeof(key->eth_type_be));
	memcpy(bytes->linear + FRAME_MIN - sizeof(key->eth_type_be), &key->eth_type_be,
	       sizeof(key->eth_type_be));
	memcpy(bytes->linear + FRAME_MIN, bytes->data, bytes->len);
	bytes->data = bytes->linear;
	bytes->len += FRAME_MIN;
}

// Copies bytes into a packet, of several segments when one is too short. NULL without memory.
static struct rte_mbuf *packet_make(const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *head = NULL;
	while (len > 0) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
		if (m == NULL || (head != NULL && rte_pktmbuf_chain(head, m) < 0)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		if (head == NULL)
			head = m;
		uint16_t part = (uint16_t)RTE_MIN(len, rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(head, part), data, part);
		data += part;
		len -= part;
	}
	return head;
}

static int attrs_require(struct request *rq, const struct nlattr **attrs)
{
	static const struct {
		uint16_t type;
		const char *name;
	} rows[] = {
	    {OVS_PACKET_ATTR_PACKET, "PACKET"},
	    {OVS_PACKET_ATTR_KEY, "KEY"},
	    {OVS_PACKET_ATTR_ACTIONS, "ACTIONS"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (attrs[rows[i].type] == NULL)
			return request_fail(rq, NULL, -EINVAL, "%s is missing", rows[i].name);
	}
	return 0;
}

static int len_check(struct request *rq, const struct nlattr *packet, const struct flow_key *key)
{
	uint32_t max = key->nw_frag & NW_NO_ETH ? FRAME_MAX - FRAME_MIN : FRAME_MAX;
	uint16_t len = dp_attr_len(packet);
	if (len >= FRAME_MIN && len <= max)
		return 0;
	return request_fail(rq, packet, -EINVAL, "PACKET has %u bytes: %u to %u are right", len,
			    FRAME_MIN, max);
}

// The key that the actions are checked against is the packet's own; KEY says where it came from.
static void match_of_packet(const struct bytes *bytes, const struct flow_key *key,
			    struct flow_match *match)
{
	struct flow_meta meta;
	flow_meta_from_key(&meta, key);
	flow_meta_extract(&meta, key->in_port, key->recirc_id, bytes->data, bytes->len,
			  &match->key);
	match->key.nw_frag |= key->nw_frag;
	memset(&match->mask, 0xff, sizeof(match->mask));
}

static int inject(struct request *rq, const struct nlattr **attrs, const struct flow_key *key)
{
	static struct bytes bytes;
	struct flow_match match;
	int rc = 0;
	bytes_of(attrs[OVS_PACKET_ATTR_PACKET], key, &bytes);
	match_of_packet(&bytes, key, &match);
	struct flow_actions *actions =
	    request_actions(rq, attrs[OVS_PACKET_ATTR_ACTIONS], &match, &rc);
	if (actions == NULL)
		return rc;
	struct rte_mbuf *m = packet_make(bytes.data, bytes.len);
	if (m == NULL) {
		flow_actions_free(actions);
		return request_fail(rq, NULL, -ENOMEM, "no packet buffer is free");
	}
	packet_meta(m)->in_port = key->in_port;
	packet_meta(m)->recirc_id = key->recirc_id;
	packet_meta(m)->no_eth = key->nw_frag & NW_NO_ETH;
	flow_meta_from_key(&packet_meta(m)->flow, key);
	rc = pmd_pool_inject(m, actions);
	if (rc < 0)
		return request_fail(rq, NULL, rc, "the PMD has no room for another packet now");
	return 0;
}

int server_packet_execute(struct request *rq)
{
	const struct nlattr *attrs[OVS_PACKET_ATTR_MAX + 1];
	struct flow_key key;
	int rc = dp_msg_parse(rq->nlh, attrs, OVS_PACKET_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = attrs_require(rq, attrs);
	if (rc == 0)
		rc = dp_key_parse_origin(attrs[OVS_PACKET_ATTR_KEY], &key, &rq->error);
	if (rc == 0)
		rc = len_check(rq, attrs[OVS_PACKET_ATTR_PACKET], &key);
	if (rc == 0)
		rc = request_in_port(rq, attrs[OVS_PACKET_ATTR_KEY], &key.in_port);
	if (rc != 0)
		return rc;
	bool is_answer = upcalls_answered(rq->server, rq->client, key.in_port);
	// The port has gone, and its number may have been another datapath's since.
	if (key.in_port >= PORTS_MAX || datapath_slots[key.in_port] != rq->dp->slot)
		key.in_port = rq->dp->none_no;
	rc = inject(rq, attrs, &key);
	if (rc < 0 && is_answer)
		pmd_pool_count_drop(key.in_port, DROP_UPCALL_LOST, 1);
	return rc;
}
