#include "ctl/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A number that is an id. -1 is none, and chown(2) takes it for "as it is".
static bool id_parse(const char *text, unsigned *id)
{
	size_t len = strlen(text);
	if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
		return false;
	unsigned long long value = strtoull(text, NULL, 10);
	if (value >= ACCOUNT_NONE)
		return false;
	*id = (unsigned)value;
	return true;
}

int account_gid(const char *text, gid_t *gid, char *err, size_t err_len)
{
	const struct group *entry = getgrnam(text);
	if (entry) {
		*gid = entry->gr_gid;
		return 0;
	}
	if (id_parse(text, gid))
		return 0;
	snprintf(err, err_len, "no such group \"%.40s\"; create it with groupadd, or give a number",
		 text);
	return -ENOENT;
}

static int user_find(const char *name, struct account *out, char *err, size_t err_len)
{
	const struct passwd *entry = getpwnam(name);
	*out = (struct account){.uid = ACCOUNT_NONE, .gid = ACCOUNT_NONE};
	if (!entry && id_parse(name, &out->uid))
		entry = getpwuid(out->uid);
	if (entry) {
		out->uid = entry->pw_uid;
		out->gid = entry->pw_gid;
		snprintf(out->name, sizeof(out->name), "%s", entry->pw_name);
	}
	if (out->uid != ACCOUNT_NONE)
		return 0;
	snprintf(err, err_len, "no such user \"%.40s\"; create it with useradd, or give a number",
		 name);
	return -ENOENT;
}

int account_uid(const char *user, uid_t *uid, char *err, size_t err_len)
{
	struct account account;
	int rc = user_find(user, &account, err, err_len);
	*uid = account.uid;
	return rc;
}

int account_user(const char *text, struct account *out, char *err, size_t err_len)
{
	char name[64];
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 text);
	int rc = user_find(name, out, err, err_len);
	if (rc == 0 && colon)
		return account_gid(colon + 1, &out->gid, err, err_len);
	if (rc == 0 && out->gid == ACCOUNT_NONE) {
		snprintf(err, err_len,
			 "the system does not know user %.40s, nor its group: give USER:GROUP",
			 name);
		return -ENOENT;
	}
	return rc;
}
