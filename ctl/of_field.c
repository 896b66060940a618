#define _GNU_SOURCE // memmem
#include "ctl/of_field.h"

#include "ctl/of_names.h"
#include "ctl/of_text.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

// Beginnings of names that ovs-ofctl knows and this switch does not.
static const char *const foreign[] = {
    "tun_",
    "gtpu_",
    "conj_id",
    "recirc_id",
    "dp_hash",
    "nsh_",
    "actset_",
    "packet_type",
    "skb_priority",
    "nd_reserved",
    "nd_options_type",
    "dl_vlan1",
    "dl_vlan2",
    "vlan_tci1",
    "mpls_lse",
    "igmp_group",
    "NXM_NX_TUN_",
    "NXM_NX_CONJ_ID",
    "NXM_NX_RECIRC_ID",
    "NXM_NX_DP_HASH",
    "NXOXM_",
    "ERICOXM_",
    "ONFOXM_ET_ACTSET",
    "OXM_OF_PACKET_TYPE",
    "OXM_OF_PBB",
    "OXM_OF_IPV6_EXTHDR",
};

static struct of_names field_names, protocol_names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void names_init(void)
{
	for (unsigned i = 0; i < OF_N_FIELDS; i++) {
		const struct of_field *f = &of_fields[i];
		const char *const names[] = {f->name, f->alias, f->nxm, f->oxm};
		for (unsigned j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			if (names[j])
				of_names_add(&field_names, names[j], i);
		}
	}
	for (unsigned i = 0; i < of_n_protocols; i++)
		of_names_add(&protocol_names, of_protocols[i].word, i);
}

const struct of_field *of_field_find(const char *name, size_t len)
{
	pthread_once(&names_once, names_init);
	int id = of_names_find(&field_names, name, len);
	return id < 0 ? NULL : &of_fields[id];
}

const struct of_protocol *of_protocol_find(const char *word, size_t len)
{
	pthread_once(&names_once, names_init);
	int id = of_names_find(&protocol_names, word, len);
	return id < 0 ? NULL : &of_protocols[id];
}

static bool starts_with_one(const char *name, size_t len, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t n_letters = strlen(words[i]);
		if (len >= n_letters && memcmp(name, words[i], n_letters) == 0)
			return true;
	}
	return false;
}

int of_field_check_foreign(const char *line, const char *name, size_t len, struct of_error *error)
{
	if (starts_with_one(name, len, foreign, sizeof(foreign) / sizeof(foreign[0])))
		return of_error_set(error, line, name, len, "not built yet");
	return 0;
}

void of_field_guess(struct of_guess *guess)
{
	for (unsigned i = 0; i < OF_N_FIELDS; i++) {
		of_guess_try(guess, of_fields[i].name);
		if (of_fields[i].alias)
			of_guess_try(guess, of_fields[i].alias);
		if (of_fields[i].nxm)
			of_guess_try(guess, of_fields[i].nxm);
		if (of_fields[i].oxm)
			of_guess_try(guess, of_fields[i].oxm);
	}
	for (unsigned i = 0; i < of_n_protocols; i++)
		of_guess_try(guess, of_protocols[i].word);
}

of_value of_value_ones(unsigned n_bits)
{
	return n_bits < 128 ? ((of_value)1 << n_bits) - 1 : ~(of_value)0;
}

of_value of_field_bits(const struct of_field *field)
{
	unsigned place_bits = field->size * 8u;
	of_value bits = of_value_ones(field->n_bits < place_bits ? field->n_bits : place_bits);
	return field == &of_fields[OF_F_NW_TOS] ? bits & 0xfc : bits;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "native places start with the low byte");

// All bits of the field's place, and its neighbours' there.
static of_value place_load(const struct of_field *field, const struct of_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key + field->offset;
	uint64_t half[2];
	uint32_t word;
	uint16_t small;
	of_value native = 0;
	if (field->native) {
		memcpy(&native, bytes, field->size);
		return native;
	}
	switch (field->size) {
	case 1:
		return *bytes;
	case 2:
		memcpy(&small, bytes, sizeof(small));
		return __builtin_bswap16(small);
	case 4:
		memcpy(&word, bytes, sizeof(word));
		return __builtin_bswap32(word);
	case 6:
		memcpy(&small, bytes, sizeof(small));
		memcpy(&word, bytes + sizeof(small), sizeof(word));
		return (uint64_t)__builtin_bswap16(small) << 32 | __builtin_bswap32(word);
	case 8:
		memcpy(half, bytes, sizeof(half[0]));
		return __builtin_bswap64(half[0]);
	default:
		memcpy(half, bytes, sizeof(half));
		return (of_value)__builtin_bswap64(half[0]) << 64 | __builtin_bswap64(half[1]);
	}
}

static void place_store(const struct of_field *field, struct of_key *key, of_value value)
{
	uint8_t *bytes = (uint8_t *)key + field->offset;
	if (field->native) {
		memcpy(bytes, &value, field->size);
		return;
	}
	for (unsigned i = field->size; i > 0; i--, value >>= 8)
		bytes[i - 1] = (uint8_t)value;
}

of_value of_subfield_get(const struct of_subfield *sf, const struct of_key *key)
{
	const struct of_field *field = &of_fields[sf->field];
	of_value place = sf->field == OF_F_IN_PORT ? key->pkt.in_port : place_load(field, key);
	of_value value = place >> field->shift & of_field_bits(field);
	return value >> sf->ofs & of_value_ones(sf->n_bits);
}

static void in_port_set(const struct of_subfield *sf, struct of_key *key, of_value value)
{
	uint32_t bits = (uint32_t)of_value_ones(sf->n_bits) << sf->ofs;
	uint32_t port = (key->pkt.in_port & ~bits) | ((uint32_t)value << sf->ofs & bits);
	if (of_subfield_is_whole(sf))
		port = value == UINT16_MAX ? UINT32_MAX : (uint32_t)value & UINT16_MAX;
	key->pkt.in_port = port;
}

void of_subfield_set(const struct of_subfield *sf, struct of_key *key, of_value value)
{
	const struct of_field *field = &of_fields[sf->field];
	if (sf->field == OF_F_IN_PORT) {
		in_port_set(sf, key, value);
		return;
	}
	of_value bits = of_value_ones(sf->n_bits) << sf->ofs & of_field_bits(field);
	of_value place = place_load(field, key) & ~(bits << field->shift);
	place |= (value << sf->ofs & bits) << field->shift | field->presence;
	place_store(field, key, place);
}

// As a subfield vlan_vid is the VLAN alone, without the bit that says that there is a tag.
static unsigned subfield_bits(enum of_field_id id)
{
	return id == OF_F_VLAN_VID ? 12 : of_fields[id].n_bits;
}

bool of_subfield_is_whole(const struct of_subfield *sf)
{
	return sf->ofs == 0 && sf->n_bits == subfield_bits((enum of_field_id)sf->field);
}

static int unknown_field(const char *line, const char *name, size_t len, struct of_error *error)
{
	int err = of_field_check_foreign(line, name, len, error);
	if (err)
		return err;
	struct of_guess guess;
	of_guess_init(&guess, name, len);
	of_field_guess(&guess);
	return of_guess_fail(&guess, error, line, "field");
}

// "[]", "[3]" or "[0..15]".
static bool read_bits(struct of_subfield *sf, const char *text, size_t len)
{
	uint64_t first, last;
	if (len < 2 || text[len - 1] != ']')
		return false;
	if (len == 2)
		return true;
	const char *dots = memmem(text, len, "..", 2);
	const char *first_end = dots ? dots : text + len - 1;
	if (!of_text_u64(text + 1, (size_t)(first_end - text - 1), UINT8_MAX, &first))
		return false;
	last = first;
	if (dots && !of_text_u64(dots + 2, (size_t)(text + len - 1 - dots - 2), UINT8_MAX, &last))
		return false;
	sf->ofs = (uint8_t)first;
	sf->n_bits = (uint8_t)(last - first + 1);
	return first <= last && last < subfield_bits((enum of_field_id)sf->field);
}

int of_subfield_parse(struct of_subfield *sf, const char *line, const char *text, size_t len,
		      struct of_error *error)
{
	const char *bracket = memchr(text, '[', len);
	size_t name_len = bracket ? (size_t)(bracket - text) : len;
	const struct of_field *field = of_field_find(text, name_len);
	if (!field)
		return unknown_field(line, text, name_len, error);
	enum of_field_id id = of_field_id(field);
	// In actions these are TCP's, as ovs-ofctl has it.
	if (id == OF_F_TP_SRC || id == OF_F_TP_DST)
		id = id == OF_F_TP_SRC ? OF_F_TCP_SRC : OF_F_TCP_DST;
	*sf = (struct of_subfield){(uint8_t)id, 0, (uint8_t)subfield_bits(id)};
	if (bracket && !read_bits(sf, bracket, len - name_len))
		return of_error_set(error, line, bracket, len - name_len,
				    "%s has bits 0 to %u: [], [BIT] or [FIRST..LAST]", field->name,
				    subfield_bits(id) - 1);
	return 0;
}
