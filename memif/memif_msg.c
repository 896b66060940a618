#include "memif/memif_msg.h"

#include "datapath/stranger_fd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const bool has_fd[N_MEMIF_MSG_TYPES] = {[MEMIF_ADD_REGION] = true, [MEMIF_ADD_RING] = true};

int memif_msg_send(int fd, const struct memif_msg *msg, int pass)
{
	union stranger_fds control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	if (pass >= 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &pass, sizeof(int));
	}
	ssize_t n = sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : 0;
}

static int check(const struct memif_msg *msg, const struct msghdr *mh, ssize_t len, unsigned n_fds,
		 char *err, size_t err_len)
{
	if (len != (ssize_t)sizeof(*msg) || mh->msg_flags & MSG_TRUNC) {
		snprintf(err, err_len, "a message that has not %zu bytes", sizeof(*msg));
		return -EPROTO;
	}
	if (msg->type == 0 || msg->type >= N_MEMIF_MSG_TYPES) {
		snprintf(err, err_len, "a message of unknown type %u", msg->type);
		return -EPROTO;
	}
	if (mh->msg_flags & MSG_CTRUNC || n_fds != has_fd[msg->type]) {
		snprintf(err, err_len, "a message of type %u with %u%s file descriptors", msg->type,
			 n_fds, mh->msg_flags & MSG_CTRUNC ? " or more" : "");
		return -EPROTO;
	}
	return 0;
}

int memif_msg_receive(int fd, struct memif_msg *msg, int *passed, char *err, size_t err_len)
{
	union stranger_fds control;
	int fds[STRANGER_FDS_MAX];
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control)};
	*passed = -1;
	ssize_t len = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0) {
		int rc = -errno;
		snprintf(err, err_len, "%s", strerror(-rc));
		return rc;
	}
	unsigned n_fds = stranger_fds_of(&mh, fds);
	if (len == 0 && n_fds == 0)
		return -ECONNRESET;
	int rc = check(msg, &mh, len, n_fds, err, err_len);
	if (rc == 0 && n_fds == 1)
		*passed = fds[0];
	if (rc < 0 && n_fds > 0)
		stranger_fds_close(fds, n_fds);
	return rc;
}

void memif_msg_text(char *out, const char *text, size_t len)
{
	size_t i = 0;
	for (; i < len - 1 && text[i]; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}
