// Users and groups as an operator names them: by name or by number, which need not be in the
// system's lists. 0, or -ENOENT with one line in err that names the word and the mend.
#ifndef CTL_ACCOUNT_H
#define CTL_ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

#define ACCOUNT_NONE ((uid_t)-1) // no user, or no group: chown(2) leaves such a one as it is

struct account {
	uid_t uid;
	gid_t gid;
	char name[64]; // empty: the system does not know the user
};

int account_uid(const char *user, uid_t *uid, char *err, size_t err_len);
int account_gid(const char *group, gid_t *gid, char *err, size_t err_len);
// "USER" or "USER:GROUP"; without a group it is the user's own.
int account_user(const char *text, struct account *out, char *err, size_t err_len);

#endif
