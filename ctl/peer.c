#define _GNU_SOURCE // struct ucred
#include "ctl/peer.h"

#include "ctl/account.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_USUAL 64

static bool has_group(const gid_t *groups, socklen_t len, gid_t group)
{
	for (socklen_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

static bool is_member(int fd, gid_t group)
{
	gid_t usual[GROUPS_USUAL];
	socklen_t len = sizeof(usual);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, usual, &len) == 0)
		return has_group(usual, len, group);
	gid_t *groups = errno == ERANGE ? malloc(len) : NULL; // len is now what it takes
	bool found = groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0 &&
		     has_group(groups, len, group);
	free(groups);
	return found;
}

struct peer peer_of(int fd, gid_t group)
{
	struct peer peer = {.uid = ACCOUNT_NONE};
	struct ucred who;
	socklen_t len = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.uid == ACCOUNT_NONE)
		return peer;
	peer.uid = who.uid;
	peer.may_change = who.uid == 0 || who.uid == geteuid() ||
			  (group != ACCOUNT_NONE && (who.gid == group || is_member(fd, group)));
	return peer;
}
