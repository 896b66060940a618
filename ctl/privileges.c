#define _GNU_SOURCE // setresuid
#include "ctl/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_SETS _LINUX_CAPABILITY_U32S_3

static int caps_get(struct __user_cap_data_struct sets[N_SETS])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	return syscall(SYS_capget, &header, sets) < 0 ? -errno : 0;
}

static int caps_set(const struct __user_cap_data_struct sets[N_SETS])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

uint64_t privileges_effective(void)
{
	struct __user_cap_data_struct sets[N_SETS] = {{0}};
	caps_get(sets);
	return sets[0].effective | (uint64_t)sets[1].effective << 32;
}

// Needs CAP_SETPCAP. Without it execve(2) gives nothing back all the same, by no_new_privs.
static int bounding_shrink(uint64_t caps)
{
	bool may = privileges_effective() & CAP_BIT(CAP_SETPCAP);
	for (unsigned cap = 0; may && cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
	     cap++) {
		if (!(caps & CAP_BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

static int sets_shrink(uint64_t caps)
{
	struct __user_cap_data_struct sets[N_SETS] = {{0}};
	int rc = caps_get(sets);
	for (unsigned i = 0; i < N_SETS; i++) {
		sets[i].permitted &= (uint32_t)(caps >> 32 * i);
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	if (rc == 0)
		rc = caps_set(sets); // what is ambient goes with what is inheritable
	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		rc = -errno;
	return rc;
}

int privileges_keep(uint64_t caps, char *err, size_t err_len)
{
	int rc = bounding_shrink(caps);
	if (rc == 0)
		rc = sets_shrink(caps);
	if (rc < 0)
		snprintf(err, err_len, "cannot give up capabilities: %s", strerror(-rc));
	return rc;
}

static int ids_set(const struct account *user)
{
	int rc = user->name[0] ? initgroups(user->name, user->gid) : setgroups(0, NULL);
	if (rc == 0)
		rc = setresgid(user->gid, user->gid, user->gid);
	if (rc == 0)
		rc = setresuid(user->uid, user->uid, user->uid);
	return rc < 0 ? -errno : 0;
}

int privileges_become(const struct account *user, char *err, size_t err_len)
{
	int rc = bounding_shrink(0);
	if (rc == 0 && (geteuid() == 0 || geteuid() != user->uid || getegid() != user->gid))
		rc = ids_set(user);
	if (rc == 0)
		rc = sets_shrink(0);
	if (rc < 0)
		snprintf(err, err_len, "cannot become uid %u with gid %u: %s; start it as root",
			 user->uid, user->gid, strerror(-rc));
	return rc;
}
