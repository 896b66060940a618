// Is a guest's memory table one that can be mapped? librte_vhost 22.11 unmaps the old memory before
// it tries, and when it fails leaves the rings' addresses in it to PMDs.
#ifndef VHOST_MEM_TABLE_H
#define VHOST_MEM_TABLE_H

#include "vhost/message.h"

#include <stddef.h>

// n regions and the file of each. 0, or -EINVAL or what mmap() says with one line in err.
int mem_table_check(const struct mem_region *regions, const int *fds, unsigned n, char *err,
		    size_t err_len);
// The same for a SET_MEM_TABLE whose fds are known; its files stay open.
int mem_table_check_message(const struct message *m, char *err, size_t err_len);

#endif
