#include "vhost/message.h"

#include "datapath/stranger_fd.h"

#include <rte_version.h>

#include <stddef.h>

// Where librte_vhost 22.11 has them. It promises callbacks not to move them "carelessly", which is
// no promise for other versions.
_Static_assert(offsetof(struct message, u64) == 12, "vhost-user header");
_Static_assert(offsetof(struct message, mem.regions) == 20, "vhost-user memory table");
_Static_assert(sizeof(struct mem_region) == 32, "vhost-user memory region");
_Static_assert(offsetof(struct message, fds) == 644, "librte_vhost 22.11 message");
_Static_assert(offsetof(struct message, n_fds) == 676, "librte_vhost 22.11 message");

bool message_fds_known(const struct message *m)
{
	if (rte_version_year() != 22 || rte_version_month() != 11)
		return false;
	if (m->n_fds < 0 || m->n_fds > MESSAGE_FDS_MAX)
		return false;
	for (int i = 0; i < MESSAGE_FDS_MAX; i++) {
		if ((m->fds[i] >= 0) != (i < m->n_fds))
			return false;
	}
	return true;
}

void message_close_fds(struct message *m)
{
	for (int i = 0; i < m->n_fds; i++) {
		stranger_fd_close(m->fds[i]);
		m->fds[i] = -1;
	}
	m->n_fds = 0;
}
