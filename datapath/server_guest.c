// The family of our own: guests, as their ports see them.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "datapath/port.h"

#include <assert.h>
#include <errno.h>

static_assert((int)PORT_GUEST_RUNS == (int)SWD_GUEST_RUNS, "the stages are those of the protocol");

static bool put_queue(struct nlmsghdr *nlh, size_t room, const struct port_guest_queue *q)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_GUEST_ATTR_QUEUE);
	if (nest == NULL ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_GUEST_QUEUE_ATTR_INDEX, q->index) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_GUEST_QUEUE_ATTR_SIZE, q->size) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_GUEST_QUEUE_ATTR_READY, q->ready) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_GUEST_QUEUE_ATTR_POSITION, q->position) ||
	    (q->blank && !mnl_attr_put_check(nlh, room, SWD_GUEST_QUEUE_ATTR_BLANK, 0, NULL)))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool put_running(struct nlmsghdr *nlh, size_t room, const struct port_guest *guest)
{
	if (!mnl_attr_put_u64_check(nlh, room, SWD_GUEST_ATTR_FEATURES, guest->features) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_GUEST_ATTR_MEM_BYTES, guest->mem_bytes) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_GUEST_ATTR_PAGE_BYTES, guest->page_bytes) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_GUEST_ATTR_MEM_INODE, guest->mem_inode))
		return false;
	for (unsigned i = 0; i < guest->n_queues; i++) {
		if (!put_queue(nlh, room, &guest->queues[i]))
			return false;
	}
	return true;
}

int server_guest_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	uint32_t next = *cursor;
	struct port_guest guest;
	struct port *port = port_next(&next);
	(void)c;
	while (port != NULL && port->kind->guest == NULL)
		port = port_next(&next);
	if (port == NULL)
		return 0;
	port->kind->guest(port, &guest);
	if (!mnl_attr_put_u32_check(nlh, room, SWD_GUEST_ATTR_PORT_NO, port->no) ||
	    !mnl_attr_put_u8_check(nlh, room, SWD_GUEST_ATTR_STAGE, (uint8_t)guest.stage) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_GUEST_ATTR_OFFERED, guest.offered) ||
	    (guest.stage == PORT_GUEST_RUNS && !put_running(nlh, room, &guest)))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
