#include "ctl/of_match.h"

#include "ctl/of_field.h"
#include "ctl/of_match_reader.h"
#include "ctl/of_range.h"
#include "ctl/of_value.h"

#include <arpa/inet.h>
#include <string.h>

#define VID_NONE UINT16_MAX // dl_vlan=0xffff: no tag

void of_match_reader_init(struct of_match_reader *r, struct of_match *match, const char *line,
			  const struct of_ports *ports, struct of_error *error)
{
	memset(match, 0, sizeof(*match));
	r->match = match;
	r->line = line;
	r->ports = ports;
	r->error = error;
	r->ranges = NULL;
	r->n_ranges = 0;
	memset(r->fields, 0, sizeof(r->fields));
	r->protocols = 0;
	r->n_pending = 0;
}

static int fail(const struct of_match_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->name, word->name_len, "%s", text);
}

// Adds bits of a field's value. They may stand there already, but not contradict.
static int add_bits(struct of_match_reader *r, const struct of_word *word,
		    const struct of_subfield *sf, of_value value, of_value mask)
{
	struct of_match *match = r->match;
	of_value old_value = of_subfield_get(sf, &match->key);
	of_value old_mask = of_subfield_get(sf, &match->mask);
	uint32_t presence = of_fields[sf->field].presence;
	if (presence && (ntohs(match->mask.pkt.vlan[0].tci_be) & presence) &&
	    !(ntohs(match->key.pkt.vlan[0].tci_be) & presence))
		return fail(r, word, "contradicts a field that stands before it");
	if ((value ^ old_value) & old_mask & mask)
		return fail(r, word, "contradicts a field that stands before it");
	if (!mask)
		return 0;
	of_subfield_set(sf, &match->key, old_value | value);
	of_subfield_set(sf, &match->mask, old_mask | mask);
	return 0;
}

// Which kinds of packet the flow language takes the field with.
static uint16_t match_needs(enum of_field_id id)
{
	uint16_t needs = of_fields[id].needs;
	switch (id) {
	case OF_F_NW_SRC:
	case OF_F_NW_DST:
	case OF_F_NW_PROTO:
		return needs | OF_KIND_ARP;
	case OF_F_ICMP_TYPE:
	case OF_F_ICMP_CODE:
		return needs | OF_KIND_ICMP6;
	case OF_F_VLAN_VID:
	case OF_F_VLAN_PCP: // says by itself that there is a tag
		return 0;
	default:
		return needs;
	}
}

static int check_needs(const struct of_match_reader *r, const struct of_pending *p, uint16_t kinds)
{
	char text[96];
	if (p->needs & kinds)
		return 0;
	of_kinds_text(p->needs, text, sizeof(text));
	return of_error_set(r->error, r->line, p->name, p->name_len, "needs %s in the match, too",
			    text);
}

// Prerequisites may stand behind the field: they are checked at the end.
static int note_needs(struct of_match_reader *r, const struct of_word *word, enum of_field_id id)
{
	struct of_pending p = {word->name, word->name_len, match_needs(id)};
	if (!p.needs)
		return 0;
	if (r->n_pending == sizeof(r->pending) / sizeof(r->pending[0]))
		return check_needs(r, &p, of_match_kinds(r->match));
	r->pending[r->n_pending++] = p;
	return 0;
}

static bool mark_given(struct of_match_reader *r, enum of_field_id id)
{
	uint64_t bit = 1ull << id % 64, *bits = &r->fields[id / 64];
	bool given = *bits & bit;
	*bits |= bit;
	return given;
}

static int add_protocol(struct of_match_reader *r, const struct of_word *word,
			const struct of_protocol *protocol)
{
	struct of_subfield type = of_field_whole(OF_F_DL_TYPE);
	struct of_subfield proto = of_field_whole(OF_F_NW_PROTO);
	uint32_t bit = 1u << (protocol - of_protocols);
	if (word->value)
		return fail(r, word, "takes no value");
	if (r->protocols & bit)
		return fail(r, word, "given twice");
	r->protocols |= bit;
	int err = 0;
	if (protocol->eth_type)
		err = add_bits(r, word, &type, protocol->eth_type, UINT16_MAX);
	if (!err && protocol->nw_proto)
		err = add_bits(r, word, &proto, protocol->nw_proto, UINT8_MAX);
	return err ? err : 1;
}

static bool is_port_field(enum of_field_id id)
{
	return id >= OF_F_TP_SRC && id <= OF_F_SCTP_DST;
}

// "tp_dst=1000-2000".
static int add_range(struct of_match_reader *r, const struct of_word *word, enum of_field_id id)
{
	uint16_t first, last;
	if (!of_range_text(word->value, word->value_len, &first, &last))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "%.*s wants a port up to 65535, PORT/MASK or FIRST-LAST",
				    (int)word->name_len, word->name);
	if (!r->ranges)
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "a range can stand only in a flow that is added or changed");
	struct of_subfield sf = of_field_whole(id);
	if (first == last)
		return add_bits(r, word, &sf, first, UINT16_MAX);
	bool taken = of_subfield_get(&sf, &r->match->mask) != 0;
	for (unsigned i = 0; i < r->n_ranges; i++)
		taken |= of_fields[r->ranges[i].field].offset == of_fields[id].offset;
	if (taken)
		return fail(r, word, "is matched by a field that stands before it");
	struct of_range *range = &r->ranges[r->n_ranges++];
	range->field = (uint8_t)id;
	of_range_split(range, first, last);
	return 0;
}

// dl_vlan has a word for no tag.
static int add_vid(struct of_match_reader *r, const struct of_word *word)
{
	struct of_subfield sf = of_field_whole(OF_F_DL_VLAN);
	struct of_subfield tci = of_field_whole(OF_F_VLAN_TCI);
	uint64_t vid;
	if (!of_text_u64(word->value, word->value_len, VID_NONE, &vid) ||
	    (vid > VLAN_VID_MASK && vid != VID_NONE))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "%.*s wants a VLAN from 0 to 4095, or 0xffff for none",
				    (int)word->name_len, word->name);
	if (vid == VID_NONE)
		return add_bits(r, word, &tci, 0, UINT16_MAX);
	return add_bits(r, word, &sf, vid, VLAN_VID_MASK);
}

// nw_tos takes all eight bits, and looks at six, as ovs-ofctl does.
static int add_tos(struct of_match_reader *r, const struct of_word *word)
{
	struct of_subfield sf = of_field_whole(OF_F_NW_TOS);
	uint64_t tos;
	of_value bits = of_field_bits(&of_fields[OF_F_NW_TOS]);
	if (!of_text_u64(word->value, word->value_len, UINT8_MAX, &tos))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "%.*s wants a number up to 255", (int)word->name_len,
				    word->name);
	return add_bits(r, word, &sf, tos & bits, bits);
}

static int add_value(struct of_match_reader *r, const struct of_word *word, enum of_field_id id)
{
	struct of_text_at at = {r->line,	 word->name, word->name_len, word->value,
				word->value_len, r->ports,   r->error};
	struct of_subfield sf = of_field_whole(id);
	of_value value, mask;
	bool is_any = word->value_len == 1 && word->value[0] == '*';
	if (id == OF_F_DL_VLAN && !is_any)
		return add_vid(r, word);
	if (id == OF_F_NW_TOS && !is_any)
		return add_tos(r, word);
	if (is_port_field(id) && memchr(word->value, '-', word->value_len))
		return add_range(r, word, id);
	int err = of_value_parse(&of_fields[id], &at, &value, &mask);
	return err ? err : add_bits(r, word, &sf, value, mask);
}

static int add_field(struct of_match_reader *r, const struct of_word *word, enum of_field_id id)
{
	if (mark_given(r, id))
		return fail(r, word, "given twice");
	if (!word->value || word->value_len == 0)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "needs a value: %.*s=VALUE", (int)word->name_len, word->name);
	for (unsigned i = 0; i < r->n_ranges; i++) {
		if (of_fields[r->ranges[i].field].offset == of_fields[id].offset)
			return fail(r, word, "is matched by a field that stands before it");
	}
	int err = add_value(r, word, id);
	if (!err)
		err = note_needs(r, word, id);
	return err ? err : 1;
}

// "reg0[0..15]=5".
static int add_subfield(struct of_match_reader *r, const struct of_word *word)
{
	struct of_text_at at = {r->line,	 word->name, word->name_len, word->value,
				word->value_len, r->ports,   r->error};
	struct of_subfield sf;
	of_value value;
	int err = of_subfield_parse(&sf, r->line, word->name, word->name_len, r->error);
	if (err)
		return err;
	if (!word->value || word->value_len == 0)
		return fail(r, word, "needs a value: FIELD[BITS]=NUMBER");
	if (!of_fields[sf.field].maskable && !of_subfield_is_whole(&sf))
		return fail(r, word, "can be matched only whole");
	err = of_value_parse_bits(sf.n_bits, &at, &value);
	if (!err)
		err = add_bits(r, word, &sf, value,
			       of_value_ones(sf.n_bits) & of_field_bits(&of_fields[sf.field]));
	if (!err)
		err = note_needs(r, word, (enum of_field_id)sf.field);
	return err ? err : 1;
}

int of_match_reader_add(struct of_match_reader *r, const struct of_word *word)
{
	const struct of_field *field = of_field_find(word->name, word->name_len);
	if (field)
		return add_field(r, word, of_field_id(field));
	const struct of_protocol *protocol = of_protocol_find(word->name, word->name_len);
	if (protocol)
		return add_protocol(r, word, protocol);
	if (memchr(word->name, '[', word->name_len))
		return add_subfield(r, word);
	return 0;
}

// Says the same of fragments in one way, so that what is printed reads as the same bits.
static int settle_frag(const struct of_match_reader *r)
{
	struct flow_key *key = &r->match->key.pkt, *mask = &r->match->mask.pkt;
	bool any = mask->nw_frag & NW_FRAG_ANY, later = mask->nw_frag & NW_FRAG_LATER;
	if (later && key->nw_frag == NW_FRAG_LATER && any)
		return of_error_set(r->error, r->line, r->line, 0,
				    "a later fragment is a fragment: no packet has these bits of "
				    "ip_frag");
	if (key->nw_frag & NW_FRAG_LATER)
		key->nw_frag |= NW_FRAG_ANY;
	if ((key->nw_frag & NW_FRAG_LATER) || (any && !key->nw_frag))
		mask->nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	return 0;
}

int of_match_reader_finish(struct of_match_reader *r)
{
	uint16_t kinds = r->n_pending ? of_match_kinds(r->match) : 0;
	int err = 0;
	for (unsigned i = 0; i < r->n_pending && !err; i++)
		err = check_needs(r, &r->pending[i], kinds);
	if (!err && r->match->mask.pkt.nw_frag)
		err = settle_frag(r);
	return err;
}

int of_match_parse(struct of_match *match, const char *text, const struct of_ports *ports,
		   struct of_error *error)
{
	struct of_match_reader r;
	struct of_slice rest = of_slice_of(text);
	struct of_word word;
	of_match_reader_init(&r, match, text, ports, error);
	while (of_word_next(&rest, &word)) {
		int found = of_match_reader_add(&r, &word);
		if (found < 0)
			return found;
		if (found > 0)
			continue;
		int err = of_field_check_foreign(text, word.name, word.name_len, error);
		struct of_guess guess;
		of_guess_init(&guess, word.name, word.name_len);
		of_field_guess(&guess);
		return err ? err : of_guess_fail(&guess, error, text, "field");
	}
	return of_match_reader_finish(&r);
}
