#include "ctl/of_field.h"
#include "ctl/of_group.h"
#include "ctl/of_print.h"
#include "ctl/of_value.h"

#include <string.h>

static const char *const types[] = {
    [OF_GROUP_ALL] = "all",
    [OF_GROUP_SELECT] = "select",
    [OF_GROUP_INDIRECT] = "indirect",
    [OF_GROUP_FF] = "ff",
};

// One name for each place of the key, in ovs-ofctl's order.
static const uint8_t hash_rows[] = {
    OF_F_METADATA,  OF_F_IN_PORT,   OF_F_REG0,	     OF_F_REG0 + 1,  OF_F_REG0 + 2,  OF_F_REG0 + 3,
    OF_F_REG0 + 4,  OF_F_REG0 + 5,  OF_F_REG0 + 6,   OF_F_REG0 + 7,  OF_F_REG0 + 8,  OF_F_REG0 + 9,
    OF_F_REG0 + 10, OF_F_REG0 + 11, OF_F_REG0 + 12,  OF_F_REG0 + 13, OF_F_REG0 + 14, OF_F_REG0 + 15,
    OF_F_DL_SRC,    OF_F_DL_DST,    OF_F_DL_TYPE,    OF_F_VLAN_TCI,  OF_F_NW_SRC,    OF_F_NW_DST,
    OF_F_IPV6_SRC,  OF_F_IPV6_DST,  OF_F_IPV6_LABEL, OF_F_NW_PROTO,  OF_F_NW_TOS,    OF_F_NW_ECN,
    OF_F_NW_TTL,    OF_F_IP_FRAG,   OF_F_ARP_SHA,    OF_F_ARP_THA,   OF_F_TCP_SRC,   OF_F_TCP_DST,
    OF_F_TCP_FLAGS, OF_F_ND_TARGET,
};

static void print_mask(struct of_out *out, enum of_field_id id, of_value mask)
{
	const struct of_field *field = &of_fields[id];
	of_out_text(out, field->name);
	if (mask != of_field_bits(field)) {
		of_out_char(out, '=');
		of_value_print(out, field, mask, of_field_bits(field), NULL);
	}
	of_out_char(out, ',');
}

// Parts of the TCI have names that take no mask; what is left of it is written as bits.
static void print_vlan(struct of_out *out, of_value mask)
{
	if (mask == (VLAN_CFI | VLAN_VID_MASK))
		of_out_text(out, "vlan_vid,");
	else if (mask == (VLAN_CFI | 7u << VLAN_PCP_SHIFT))
		of_out_text(out, "vlan_pcp,");
	else
		print_mask(out, OF_F_VLAN_TCI, mask);
}

// "fields=ip_src" or "fields(ip_src,ip_dst)".
static void print_fields(struct of_out *out, const struct of_key *mask)
{
	uint8_t ids[sizeof(hash_rows)];
	unsigned n = 0;
	for (unsigned i = 0; i < sizeof(hash_rows); i++) {
		struct of_subfield sf = of_field_whole((enum of_field_id)hash_rows[i]);
		if (of_subfield_get(&sf, mask))
			ids[n++] = hash_rows[i];
	}
	if (n == 0)
		return;
	of_out_text(out, n == 1 ? ",fields=" : ",fields(");
	for (unsigned i = 0; i < n; i++) {
		struct of_subfield sf = of_field_whole((enum of_field_id)ids[i]);
		of_value bits = of_subfield_get(&sf, mask);
		if (ids[i] == OF_F_VLAN_TCI)
			print_vlan(out, bits);
		else
			print_mask(out, (enum of_field_id)ids[i], bits);
	}
	of_out_chomp(out, ',');
	if (n > 1)
		of_out_char(out, ')');
}

static void print_number(struct of_out *out, const char *name, uint64_t value)
{
	of_out_text(out, name);
	of_out_dec(out, value);
	of_out_char(out, ',');
}

static void print_bucket(struct of_out *out, const struct of_bucket *b, bool has_weight,
			 const struct of_ports *ports)
{
	print_number(out, ",bucket=bucket_id:", b->id);
	if (has_weight && b->weight != 1)
		print_number(out, "weight:", b->weight);
	if (b->watch_port) {
		of_out_text(out, "watch_port:");
		of_port_print(out, b->watch_port, ports);
		of_out_char(out, ',');
	}
	if (b->watch_group != UINT32_MAX)
		print_number(out, "watch_group:", b->watch_group);
	of_out_text(out, "actions=");
	of_out_actions(out, b->actions, ports);
}

static void print_group(struct of_out *out, const struct of_group *group,
			const struct of_ports *ports)
{
	of_out_text(out, "group_id=");
	of_out_dec(out, group->id);
	of_out_text(out, ",type=");
	of_out_text(out, types[group->type]);
	if (group->has_method) {
		of_out_text(out, ",selection_method=");
		of_out_text(out, group->is_dp_hash ? "dp_hash" : "hash");
		if (group->selection_param) {
			of_out_text(out, ",selection_method_param=");
			of_out_dec(out, group->selection_param);
		}
		print_fields(out, &group->hash_fields);
	}
	for (unsigned i = 0; i < group->n_buckets; i++)
		print_bucket(out, &group->buckets[i], group->type == OF_GROUP_SELECT, ports);
}

void of_group_print(FILE *file, const struct of_group *group, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	print_group(&out, group, ports);
	of_out_write(&out, file);
}

char *of_group_format(const struct of_group *group, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	print_group(&out, group, ports);
	return of_out_take(&out);
}
