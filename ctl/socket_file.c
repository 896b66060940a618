#define _GNU_SOURCE // O_PATH, AT_EMPTY_PATH
#include "ctl/socket_file.h"

#include "ctl/account.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Who may write to the folder can put another file in the socket's place: what was looked at is
// what is given away.
int socket_file_give(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	if (uid == ACCOUNT_NONE && gid == ACCOUNT_NONE)
		return 0;
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (rc == 0 && (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()))
		rc = -EPERM;
	if (rc == 0 && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
