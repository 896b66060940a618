// Whom the socket files of listening ports belong to: their owner= and group=, else what swd was
// started with.
#include "datapath/port.h"

#include "ctl/account.h"
#include "ctl/socket_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uid_t default_uid = ACCOUNT_NONE;
static gid_t default_gid = ACCOUNT_NONE;

void port_sockets_default(uid_t uid, gid_t gid)
{
	default_uid = uid;
	default_gid = gid;
}

static int find(const struct port_config *config, uid_t *uid, gid_t *gid, char *err, size_t err_len)
{
	const char *owner = port_option(config, "owner"), *group = port_option(config, "group");
	char why[128];
	*uid = default_uid;
	*gid = default_gid;
	if (owner && account_uid(owner, uid, why, sizeof(why)) < 0)
		snprintf(err, err_len, "owner=: %s", why);
	else if (group && account_gid(group, gid, why, sizeof(why)) < 0)
		snprintf(err, err_len, "group=: %s", why);
	else
		return 0;
	return -ENOENT;
}

int port_socket_check(const struct port_config *config, bool listens, char *err, size_t err_len)
{
	uid_t uid;
	gid_t gid;
	if (!listens && (port_option(config, "owner") || port_option(config, "group"))) {
		snprintf(err, err_len,
			 "owner= and group= are for a socket that swd makes: this port's is its "
			 "peer's");
		return -EINVAL;
	}
	return find(config, &uid, &gid, err, err_len);
}

int port_socket_give(const struct port_config *config, const char *path, char *err, size_t err_len)
{
	uid_t uid;
	gid_t gid;
	int rc = find(config, &uid, &gid, err, err_len);
	if (rc == 0)
		rc = socket_file_give(path, uid, gid);
	if (rc < 0 && rc != -ENOENT)
		snprintf(err, err_len,
			 "path=%.100s: cannot be given to uid %d and gid %d: %s: name a group that "
			 "swd's user is in, or give swd CAP_CHOWN",
			 path, (int)uid, (int)gid, strerror(-rc));
	return rc;
}
