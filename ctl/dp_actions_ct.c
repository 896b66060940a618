// OVS_ACTION_ATTR_CT: connection tracking.
#include "ctl/dp_actions_rows.h"
#include "ctl/dp_put.h"

#include <arpa/inet.h>
#include <linux/openvswitch.h>
#include <string.h>

static const char *const helpers[N_ACTION_CT_HELPERS] = {
    [ACTION_CT_HELPER_FTP] = "ftp",
    [ACTION_CT_HELPER_TFTP] = "tftp",
};

const char *dp_ct_helper_name(const struct action_ct *ct)
{
	return ct->helper < N_ACTION_CT_HELPERS ? helpers[ct->helper] : NULL;
}

// The lengths of attributes that have one; of the others, their readers judge.
static const struct {
	const char *name;
	uint16_t len;
	bool has_len;
} ct_rows[OVS_CT_ATTR_MAX + 1] = {
    [OVS_CT_ATTR_COMMIT] = {"CT's COMMIT", 0, true},
    [OVS_CT_ATTR_FORCE_COMMIT] = {"CT's FORCE_COMMIT", 0, true},
    [OVS_CT_ATTR_ZONE] = {"CT's ZONE", sizeof(uint16_t), true},
    [OVS_CT_ATTR_MARK] = {"CT's MARK", 2 * sizeof(uint32_t), true},
    [OVS_CT_ATTR_LABELS] = {"CT's LABELS", 2 * 16, true},
    [OVS_CT_ATTR_EVENTMASK] = {"CT's EVENTMASK", sizeof(uint32_t), true},
};

// The length of what is a string, its end included, or 0.
static size_t string_len(const struct nlattr *attr)
{
	const char *end = memchr(dp_attr_payload(attr), 0, dp_attr_len(attr));
	return end != NULL ? (size_t)(end - (const char *)dp_attr_payload(attr)) + 1 : 0;
}

static int get_helper(const struct nlattr *attr, struct action_ct *ct, struct dp_error *error)
{
	size_t len = string_len(attr);
	for (uint8_t i = 0; i < N_ACTION_CT_HELPERS && len > 0; i++) {
		if (helpers[i] != NULL && strcmp(dp_attr_payload(attr), helpers[i]) == 0) {
			ct->helper = i;
			return 0;
		}
	}
	return dp_error_set(error, attr, -EOPNOTSUPP, "CT's helper \"%.*s\" is none of ftp, tftp",
			    (int)strnlen(dp_attr_payload(attr), dp_attr_len(attr)),
			    (const char *)dp_attr_payload(attr));
}

static int get_timeout(const struct nlattr *attr, struct action_ct *ct, struct dp_error *error)
{
	size_t len = string_len(attr);
	if (len < 2 || len > sizeof(ct->timeout))
		return dp_error_set(error, attr, -EINVAL,
				    "CT's TIMEOUT is no name of 1 to %zu characters",
				    sizeof(ct->timeout) - 1);
	memcpy(ct->timeout, dp_attr_payload(attr), len);
	return 0;
}

// Value and mask stand side by side; bits outside the mask are dropped.
static void get_mark(const struct nlattr *attr, struct action_ct *ct)
{
	uint32_t both[2];
	memcpy(both, dp_attr_payload(attr), sizeof(both));
	ct->mark = both[0] & both[1];
	ct->mark_mask = both[1];
}

static void get_labels(const struct nlattr *attr, struct action_ct *ct)
{
	const uint8_t *both = dp_attr_payload(attr);
	memcpy(ct->label_mask, both + sizeof(ct->label), sizeof(ct->label_mask));
	for (unsigned i = 0; i < sizeof(ct->label); i++)
		ct->label[i] = both[i] & ct->label_mask[i];
}

static const struct {
	uint16_t type;
	uint8_t flag;
	const char *name;
} nat_flags[] = {
    {OVS_NAT_ATTR_SRC, ACTION_NAT_SRC, "SRC"},
    {OVS_NAT_ATTR_DST, ACTION_NAT_DST, "DST"},
    {OVS_NAT_ATTR_PERSISTENT, ACTION_NAT_PERSISTENT, "PERSISTENT"},
    {OVS_NAT_ATTR_PROTO_HASH, ACTION_NAT_HASH, "PROTO_HASH"},
    {OVS_NAT_ATTR_PROTO_RANDOM, ACTION_NAT_RANDOM, "PROTO_RANDOM"},
};

#define N_NAT_FLAGS (sizeof(nat_flags) / sizeof(nat_flags[0]))

static int get_nat_flags(const struct nlattr **attrs, struct action_nat *nat,
			 struct dp_error *error)
{
	for (unsigned i = 0; i < N_NAT_FLAGS; i++) {
		const struct nlattr *attr = attrs[nat_flags[i].type];
		if (attr == NULL)
			continue;
		if (dp_attr_len(attr) > 0)
			return dp_error_set(error, attr, -EINVAL, "NAT's flag %s has a value",
					    nat_flags[i].name);
		nat->flags |= nat_flags[i].flag;
	}
	return 0;
}

static int get_nat_addrs(const struct nlattr *min, const struct nlattr *max, struct action_nat *nat,
			 struct dp_error *error)
{
	uint16_t len = dp_attr_len(min);
	if (len != sizeof(uint32_t) && len != sizeof(struct in6))
		return dp_error_set(error, min, -EINVAL,
				    "NAT's IP_MIN has %u bytes where 4 or 16 are right", len);
	if (max != NULL && dp_attr_len(max) != len)
		return dp_error_set(error, max, -EINVAL, "NAT's IP_MAX is of another kind");
	memcpy(nat->addr_min.b, dp_attr_payload(min), len);
	memcpy(nat->addr_max.b, dp_attr_payload(max != NULL ? max : min), len);
	if (memcmp(nat->addr_min.b, nat->addr_max.b, len) > 0)
		return dp_error_set(error, max, -EINVAL, "NAT's IP_MAX is below IP_MIN");
	nat->flags |= len == sizeof(uint32_t) ? ACTION_NAT_IPV4 : ACTION_NAT_IPV6;
	return 0;
}

static int get_nat_ports(const struct nlattr *min, const struct nlattr *max, struct action_nat *nat,
			 struct dp_error *error)
{
	int rc = dp_attr_wants_len(min, "NAT's PROTO_MIN", sizeof(uint16_t), error);
	if (rc == 0 && max != NULL)
		rc = dp_attr_wants_len(max, "NAT's PROTO_MAX", sizeof(uint16_t), error);
	if (rc < 0)
		return rc;
	nat->port_min = mnl_attr_get_u16(min);
	nat->port_max = max != NULL ? mnl_attr_get_u16(max) : nat->port_min;
	if (nat->port_min > nat->port_max)
		return dp_error_set(error, max, -EINVAL, "NAT's PROTO_MAX is below PROTO_MIN");
	nat->flags |= ACTION_NAT_PORTS;
	return 0;
}

// What does not go together.
static const char *nat_wrong(const struct nlattr **attrs, const struct action_ct *ct)
{
	uint8_t flags = ct->nat.flags;
	bool has_dir = flags & (ACTION_NAT_SRC | ACTION_NAT_DST);
	if (flags & ACTION_NAT_SRC && flags & ACTION_NAT_DST)
		return "NAT has both SRC and DST";
	if (flags & ACTION_NAT_HASH && flags & ACTION_NAT_RANDOM)
		return "NAT has both PROTO_HASH and PROTO_RANDOM";
	if (!has_dir && flags != 0)
		return "NAT has a range or a flag but neither SRC nor DST";
	if (has_dir && !(ct->flags & ACTION_CT_COMMIT))
		return "NAT with SRC or DST needs COMMIT";
	if (attrs[OVS_NAT_ATTR_IP_MAX] != NULL && attrs[OVS_NAT_ATTR_IP_MIN] == NULL)
		return "NAT has IP_MAX without IP_MIN";
	if (attrs[OVS_NAT_ATTR_PROTO_MAX] != NULL && attrs[OVS_NAT_ATTR_PROTO_MIN] == NULL)
		return "NAT has PROTO_MAX without PROTO_MIN";
	return NULL;
}

static int get_nat(const struct nlattr *attr, struct action_ct *ct, struct dp_error *error)
{
	const struct nlattr *attrs[OVS_NAT_ATTR_MAX + 1];
	int rc = dp_attr_collect(attr, "NAT", attrs, OVS_NAT_ATTR_MAX, error);
	if (rc == 0)
		rc = get_nat_flags(attrs, &ct->nat, error);
	if (rc == 0 && attrs[OVS_NAT_ATTR_IP_MIN] != NULL)
		rc = get_nat_addrs(attrs[OVS_NAT_ATTR_IP_MIN], attrs[OVS_NAT_ATTR_IP_MAX], &ct->nat,
				   error);
	if (rc == 0 && attrs[OVS_NAT_ATTR_PROTO_MIN] != NULL)
		rc = get_nat_ports(attrs[OVS_NAT_ATTR_PROTO_MIN], attrs[OVS_NAT_ATTR_PROTO_MAX],
				   &ct->nat, error);
	if (rc < 0)
		return rc;
	const char *wrong = nat_wrong(attrs, ct);
	if (wrong != NULL)
		return dp_error_set(error, attr, -EINVAL, "%s", wrong);
	ct->flags |= ACTION_CT_NAT;
	return 0;
}

// What only a connection that is committed takes.
static const char *ct_wrong(const struct nlattr **attrs, const struct action_ct *ct)
{
	if (ct->flags & ACTION_CT_COMMIT)
		return NULL;
	if (attrs[OVS_CT_ATTR_MARK] != NULL || attrs[OVS_CT_ATTR_LABELS] != NULL)
		return "CT's MARK and LABELS need COMMIT";
	return NULL;
}

static void get_scalars(const struct nlattr **attrs, struct action_ct *ct)
{
	if (attrs[OVS_CT_ATTR_COMMIT] != NULL)
		ct->flags |= ACTION_CT_COMMIT;
	if (attrs[OVS_CT_ATTR_FORCE_COMMIT] != NULL)
		ct->flags |= ACTION_CT_COMMIT | ACTION_CT_FORCE;
	if (attrs[OVS_CT_ATTR_ZONE] != NULL)
		ct->zone = mnl_attr_get_u16(attrs[OVS_CT_ATTR_ZONE]);
	if (attrs[OVS_CT_ATTR_MARK] != NULL)
		get_mark(attrs[OVS_CT_ATTR_MARK], ct);
	if (attrs[OVS_CT_ATTR_LABELS] != NULL)
		get_labels(attrs[OVS_CT_ATTR_LABELS], ct);
	if (attrs[OVS_CT_ATTR_EVENTMASK] != NULL) {
		ct->flags |= ACTION_CT_EVENTMASK;
		ct->eventmask = mnl_attr_get_u32(attrs[OVS_CT_ATTR_EVENTMASK]);
	}
}

int dp_ct_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	const struct nlattr *attrs[OVS_CT_ATTR_MAX + 1];
	struct action_ct *ct = &action->u.ct;
	int rc = dp_attr_collect(attr, "CT", attrs, OVS_CT_ATTR_MAX, r->error);
	for (unsigned i = 0; i <= OVS_CT_ATTR_MAX && rc == 0; i++) {
		if (attrs[i] != NULL && ct_rows[i].has_len)
			rc = dp_attr_wants_len(attrs[i], ct_rows[i].name, ct_rows[i].len, r->error);
	}
	if (rc < 0)
		return rc;
	action->type = ACTION_CT;
	get_scalars(attrs, ct);
	const char *wrong = ct_wrong(attrs, ct);
	if (wrong != NULL)
		return dp_error_set(r->error, attr, -EINVAL, "%s", wrong);
	if (attrs[OVS_CT_ATTR_HELPER] != NULL)
		rc = get_helper(attrs[OVS_CT_ATTR_HELPER], ct, r->error);
	if (rc == 0 && attrs[OVS_CT_ATTR_TIMEOUT] != NULL)
		rc = get_timeout(attrs[OVS_CT_ATTR_TIMEOUT], ct, r->error);
	if (rc == 0 && attrs[OVS_CT_ATTR_NAT] != NULL)
		rc = get_nat(attrs[OVS_CT_ATTR_NAT], ct, r->error);
	return rc;
}

static bool put_nat(struct nlmsghdr *nlh, size_t room, const struct action_nat *nat)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_CT_ATTR_NAT);
	bool ok = nest != NULL;
	for (unsigned i = 0; i < N_NAT_FLAGS && ok; i++) {
		if (nat->flags & nat_flags[i].flag)
			ok = dp_put(nlh, room, nat_flags[i].type, 0, NULL);
	}
	if (ok && nat->flags & (ACTION_NAT_IPV4 | ACTION_NAT_IPV6)) {
		size_t len = nat->flags & ACTION_NAT_IPV4 ? sizeof(uint32_t) : sizeof(struct in6);
		ok = dp_put(nlh, room, OVS_NAT_ATTR_IP_MIN, len, nat->addr_min.b) &&
		     dp_put(nlh, room, OVS_NAT_ATTR_IP_MAX, len, nat->addr_max.b);
	}
	if (ok && nat->flags & ACTION_NAT_PORTS)
		ok = dp_put_u16(nlh, room, OVS_NAT_ATTR_PROTO_MIN, nat->port_min) &&
		     dp_put_u16(nlh, room, OVS_NAT_ATTR_PROTO_MAX, nat->port_max);
	if (ok)
		mnl_attr_nest_end(nlh, nest);
	return ok;
}

static bool put_masked(struct nlmsghdr *nlh, size_t room, uint16_t type, const void *value,
		       const void *mask, size_t len)
{
	static const uint8_t zeros[16];
	uint8_t both[2 * sizeof(zeros)];
	if (memcmp(mask, zeros, len) == 0)
		return true;
	memcpy(both, value, len);
	memcpy(both + len, mask, len);
	return dp_put(nlh, room, type, 2 * len, both);
}

static bool put_string(struct nlmsghdr *nlh, size_t room, uint16_t type, const char *text)
{
	return text == NULL || *text == 0 || dp_put(nlh, room, type, strlen(text) + 1, text);
}

static bool put_flags(struct nlmsghdr *nlh, size_t room, const struct action_ct *ct)
{
	uint16_t commit =
	    ct->flags & ACTION_CT_FORCE ? OVS_CT_ATTR_FORCE_COMMIT : OVS_CT_ATTR_COMMIT;
	return !(ct->flags & ACTION_CT_COMMIT) || dp_put(nlh, room, commit, 0, NULL);
}

bool dp_ct_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	const struct action_ct *ct = &action->u.ct;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_CT);
	if (nest == NULL || !put_flags(nlh, room, ct) ||
	    !dp_put_u16(nlh, room, OVS_CT_ATTR_ZONE, ct->zone) ||
	    !put_masked(nlh, room, OVS_CT_ATTR_MARK, &ct->mark, &ct->mark_mask, sizeof(ct->mark)) ||
	    !put_masked(nlh, room, OVS_CT_ATTR_LABELS, ct->label, ct->label_mask,
			sizeof(ct->label)) ||
	    !put_string(nlh, room, OVS_CT_ATTR_HELPER, dp_ct_helper_name(ct)) ||
	    !put_string(nlh, room, OVS_CT_ATTR_TIMEOUT, ct->timeout))
		return false;
	if (ct->flags & ACTION_CT_EVENTMASK &&
	    !dp_put_u32(nlh, room, OVS_CT_ATTR_EVENTMASK, ct->eventmask))
		return false;
	if (ct->flags & ACTION_CT_NAT && !put_nat(nlh, room, &ct->nat))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}
