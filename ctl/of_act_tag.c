// Actions on VLAN tags, MPLS labels and hop counts.
#include "ctl/of_act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define ETH_8021Q      0x8100
#define ETH_8021AD     0x88a8
#define ETH_MPLS       0x8847
#define ETH_MPLS_MCAST 0x8848

// mod_vlan_vid and mod_vlan_pcp add a tag when there is none.
int of_act_read_vlan_value(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	uint64_t value;
	bool is_vid = type == OF_MOD_VLAN_VID;
	if (!of_text_u64(word->value, word->value_len, is_vid ? VLAN_VID_MASK : 7, &value))
		return of_act_fail(r, word,
				   is_vid ? "a VLAN from 0 to 4095" : "a priority from 0 to 7");
	r->n_tags += r->n_tags == 0;
	r->kinds |= OF_KIND_VLAN;
	return of_act_put_value(r, word, (enum of_action_type)type, value) ? 0 : -EINVAL;
}

int of_act_read_strip_vlan(struct of_act_reader *r, const struct of_word *word, unsigned form)
{
	struct of_action *a = of_act_put(r, word, OF_STRIP_VLAN, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->form = (uint8_t)form;
	r->n_tags -= r->n_tags > 0;
	if (r->n_tags == 0)
		r->kinds &= (uint16_t)~OF_KIND_VLAN;
	return 0;
}

int of_act_read_push_vlan(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t tpid;
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &tpid) ||
	    (tpid != ETH_8021Q && tpid != ETH_8021AD))
		return of_act_fail(r, word, "0x8100 or 0x88a8");
	if (r->n_tags == 2)
		return of_act_fail_name(r, word, "a packet has at most two tags");
	r->n_tags++;
	r->kinds |= OF_KIND_VLAN;
	return of_act_put_value(r, word, OF_PUSH_VLAN, tpid) ? 0 : -EINVAL;
}

int of_act_read_push_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t type;
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &type) ||
	    (type != ETH_MPLS && type != ETH_MPLS_MCAST))
		return of_act_fail(r, word, "0x8847 or 0x8848");
	// What is behind the label is not seen any more.
	r->kinds = (r->kinds & OF_KIND_VLAN) | OF_KIND_MPLS;
	return of_act_put_value(r, word, OF_PUSH_MPLS, type) ? 0 : -EINVAL;
}

int of_act_read_pop_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t type;
	struct of_match match = {.mask.pkt.eth_type_be = UINT16_MAX};
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &type))
		return of_act_fail(r, word, "an EtherType, like 0x0800");
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_MPLS);
	if (err)
		return err;
	match.key.pkt.eth_type_be = htons((uint16_t)type);
	r->kinds = (r->kinds & OF_KIND_VLAN) | of_match_kinds(&match);
	return of_act_put_value(r, word, OF_POP_MPLS, type) ? 0 : -EINVAL;
}

int of_act_read_dec_mpls_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_MPLS);
	return err ? err : of_act_read_plain(r, word, OF_DEC_MPLS_TTL);
}

int of_act_read_dec_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct of_slice rest = of_word_value(word);
	const char *text;
	size_t len, at = r->buf->n_bytes;
	(void)arg;
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_IP);
	if (err || !word->value || word->value_len == 0)
		return err ? err : of_act_read_plain(r, word, OF_DEC_TTL);
	if (!of_act_put(r, word, OF_DEC_TTL, sizeof(struct of_act_ids)))
		return -EINVAL;
	for (unsigned n = 0; of_act_next_arg(&rest, &text, &len); n++) {
		uint64_t id;
		if (!of_text_u64(text, len, UINT16_MAX, &id))
			return of_error_set(r->error, r->line, text, len,
					    "dec_ttl wants numbers of controllers, up to 65535");
		struct of_act_ids *a =
		    of_act_grow(r, word, at,
				sizeof(struct of_act_ids) + (n + 1) * sizeof(uint16_t));
		if (!a)
			return -EINVAL;
		a->a.form = OF_FORM_IDS;
		a->ids[n] = (uint16_t)id;
		a->n_ids = (uint16_t)(n + 1);
	}
	return 0;
}
