// What the files of the datapath protocol's server share: its clients, how they are answered, and
// the handlers, one file a family. Control thread only.
#ifndef DATAPATH_SERVER_INTERNAL_H
#define DATAPATH_SERVER_INTERNAL_H

#include "ctl/dp_actions.h"
#include "ctl/dp_msg.h"
#include "datapath/datapaths.h"
#include "datapath/pmd.h"
#include "datapath/server.h"
#include "datapath/ufid_index.h"

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/types.h>

#define ACTION_PORTS_MAX 2

struct client;
struct handler;
struct tracing;

// What the vport family knows of a port beside what the port knows.
struct vport {
	uint32_t type; // OVS_VPORT_TYPE_*
	unsigned n_pids;
	uint32_t *pids; // connections that get its upcalls, of per-vport dispatch
};

struct server {
	struct event_base *base;
	struct flow_table *flows;
	struct ufid_index ufids; // flows with a UFID
	uint64_t started_ms;	 // CLOCK_MONOTONIC
	uint32_t other_ports_from;

	char *path;
	gid_t group;
	int fd;
	dev_t dev; // of the socket file, to remove no other's
	ino_t ino;
	struct event *on_accept;
	struct event *on_accept_retry;

	TAILQ_HEAD(client_list, client) clients; // the longest silent first
	unsigned n_clients, n_subscribed;
	uint64_t full_told_ms; // when the log was told last that there are too many
	uint64_t refused_ms;   // when a stranger was logged last; 0: never

	char *in;		// the datagram that is being read
	struct dp_datagram out; // answers to the client that is being served; empty in between
	struct action actions[ACTIONS_MAX];		// the list that is being read
	const struct nlattr *action_attrs[ACTIONS_MAX]; // where its entries came from

	struct event *on_upcall, *on_upcall_later;
	struct client *upcall_client; // who gets the first datapath's upcalls, or NULL
	// A bit per slot of a datapath: somebody gets its upcalls; nobody of those reads, so that
	// rings wait until one does.
	uint32_t upcalls_attached, upcalls_stalled;
	// By input port: misses that upcall_client was given and has not sent back to be executed.
	uint32_t n_unanswered[PORTS_MAX];
	struct vport vports[PORTS_MAX];
	uint8_t version_logged; // that a client spoke instead of ours; 0: none since one attached

	TAILQ_HEAD(tracing_list, tracing) tracings;
	struct event *on_trace; // while there are any
	struct event *on_links; // pending while anybody is subscribed
};

// A datagram that the client's socket had no room for.
struct outgoing {
	STAILQ_ENTRY(outgoing) entry;
	size_t len;
	char buf[];
};

struct client {
	TAILQ_ENTRY(client) entry;
	struct server *server;
	int fd;
	unsigned id;		      // what netlink calls its pid: not 0, nor UINT32_MAX
	uint32_t handles;	      // whose upcalls may go to it: a bit per slot of a datapath
	bool dead;		      // to be closed when its event has been served
	uint64_t active_ms;	      // of client_touch()
	bool subscribed, events_lost; // to the ports of datapath events_of; 0: all but the first
	uint32_t events_of;
	struct event *on_read, *on_write;
	STAILQ_HEAD(outgoing_list, outgoing) queue;
	size_t queued_bytes;
	// The dump that goes on as the socket drains; NULL: none.
	const struct handler *dump;
	struct nlmsghdr dump_request;
	uint32_t dump_dp;     // ifindex of the datapath that it is of; 0: none
	uint32_t dump_omits;  // of flows: OVS_UFID_F_OMIT_*
	int32_t dump_ct_zone; // of connections; -1: all
	uint32_t dump_cursor;
};

// A request that is being handled. `error` is for the answer; a handler that fails says there what
// is wrong.
struct request {
	struct server *server;
	struct client *client;
	struct datapath *dp; // that it is for; NULL only where its handler has no_dp
	bool any_dp;	     // it does not say which one
	const struct nlmsghdr *nlh;
	struct dp_error error;
};

// What stands before a message's attributes.
struct message_head {
	uint16_t family;
	uint16_t flags;
	uint8_t cmd;
	uint32_t seq; // of the request; 0: nobody asked
	uint32_t dp_ifindex;
};

// Puts an answer's attributes. false when there is no room.
typedef bool (*answer_fn)(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg);

// What a dump has looked at was none of what it is of, for so long that others have their turn.
#define DUMP_LATER 2

struct handler {
	uint16_t family;
	uint8_t cmd;
	uint8_t answer_cmd; // of answers to this command
	bool no_dp;	    // it is for no datapath, or its handler looks which one
	// 0 or -errno with rq->error. NULL: only dumps.
	int (*handle)(struct request *rq);
	// Puts the next object and moves the cursor (0 at first) past it: 1, 0 at the end, or
	// -EMSGSIZE when there is no room. Or moves the cursor and puts nothing: DUMP_LATER. NULL:
	// no dumps.
	int (*dump)(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
};

// server.c
// Sets rq->error, which must not name a place in any other message, and returns err.
int request_fail(struct request *rq, const struct nlattr *attr, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// Appends an answer. 0 or -EMSGSIZE.
int request_answer(struct request *rq, uint8_t cmd, answer_fn fill, void *arg);
// Has a message of a client handled, and answered where that is due.
void server_message(struct client *c, const struct nlmsghdr *nlh);

// server_listen.c
int listen_open(struct server *server, char *err, size_t err_len); // 0 or -errno, one line in err
int listen_start(struct server *server);			   // 0 or -ENOMEM
void listen_close(struct server *server);

// server_client.c
struct client *client_create(struct server *server, int fd, unsigned id);
void client_destroy(struct client *c);
void client_touch(struct client *c); // it has sent something, or taken all that waited for it
// Appends a message to server->out, sending what stands there when it is full. 0 or -EMSGSIZE.
int client_put(struct client *c, const struct message_head *head, answer_fn fill, void *arg);
// Sends server->out, or queues it.
void client_flush(struct client *c);
bool client_blocked(const struct client *c); // something waits for it to read
void client_dump_start(struct client *c, const struct handler *handler, const struct request *rq);
// The connection is closed once its event has been served.
void client_fail(struct client *c, const char *why);

// server_upcall.c
int upcalls_start(struct server *server);
void upcalls_stop(struct server *server);
int upcalls_attach(struct server *server, struct client *c);	    // 0 or -EBUSY
void upcalls_detach(struct server *server, const struct client *c); // nothing when c has none
void upcalls_refresh(struct server *server);			    // who gets upcalls has changed
void upcalls_resume(struct server *server, const struct client *c); // c's socket has drained
// Whether a packet of this port that c wants executed is a miss that it was given.
bool upcalls_answered(struct server *server, const struct client *c, uint32_t in_port);

// server_vport.c
// Puts the reasons that are not zero, each nested in an attribute of this type. false when there is
// no room.
bool put_drops(struct nlmsghdr *nlh, size_t room, uint16_t type,
	       const struct port_counters *counters);

// What a client hears of a port.
bool vport_fill(struct server *server, struct nlmsghdr *nlh, size_t room, void *port);
int vport_pids_check(struct request *rq, const struct nlattr *pids);		// -EINVAL
int vport_pids_set(struct request *rq, uint32_t no, const struct nlattr *pids); // NULL: as it was
// Turns what a key of this datapath's says into the number by which the tables know it: 0, or
// -EINVAL for a port of another datapath.
int request_in_port(struct request *rq, const struct nlattr *key, uint32_t *in_port);
// Takes a port away from packets, clients and the host.
void vport_del(struct server *server, struct port *port);

// server_vport_new.c
// A string attribute's text, whether or not a zero ends it. -EINVAL when it does not fit, is empty,
// or has a zero inside.
int request_text(struct request *rq, const struct nlattr *attr, const char *name, char *out,
		 size_t out_len);
// *out stays where the attribute is NULL. 0 or -EINVAL.
int request_u32(struct request *rq, const struct nlattr *attr, const char *name, uint32_t *out);
// Makes a port of the request's datapath, under a number, 0: one that is free. NULL with rq->error
// and *err on failure.
struct port *vport_add(struct request *rq, uint32_t type, uint32_t no,
		       const struct port_config *config, int *err);

// server_flow.c
void server_flows_flush(struct server *server, const struct datapath *dp);
// Deletes what others than dp have for a port number that is dp's now.
void server_flows_forget_port(struct server *server, const struct datapath *dp, uint32_t port_no);

// server_events.c
// Tells those who subscribed of a port: OVS_VPORT_CMD_NEW, SET, or DEL while it is still there.
void events_tell(struct request *rq, struct port *port, uint8_t cmd);
void events_tell_all(struct server *server, struct port *port, uint8_t cmd); // out is empty
void events_resume(struct client *c); // its socket has drained

// server_links.c
void links_note(struct port *port);	  // it is about to be told of
int links_watch(struct server *server);	  // from now on. 0 or -ENOMEM
void links_forget(struct server *server); // when nobody is subscribed any more
void links_stop(struct server *server);

// server_trace.c
int traces_open(struct server *server);
void traces_close(struct server *server);			   // no client is left
void traces_detach(struct server *server, const struct client *c); // ends c's traces
bool traces_any_of(const struct server *server, const struct client *c);

// server_actions.c
// Reads ACTIONS and checks that they fit packets of this match. NULL with rq->error and *err on
// failure.
struct flow_actions *request_actions(struct request *rq, const struct nlattr *attr,
				     const struct flow_match *match, int *err);
// The place behind the action at `at` of a list: into the lists that are nested in it, and past its
// data.
unsigned action_next(const struct action *list, unsigned at);
// The ports that an action itself names: returns how many.
unsigned action_ports(const struct action *action, uint32_t ports[ACTION_PORTS_MAX]);

// server_dp.c
void datapaths_del_all(struct server *server); // but the first, with all that is theirs

// Handlers.
int server_dp_new(struct request *rq);
int server_dp_del(struct request *rq);
int server_dp_get(struct request *rq);
int server_dp_set(struct request *rq);
int server_dp_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_vport_new(struct request *rq);
int server_vport_set(struct request *rq);
int server_vport_del(struct request *rq);
int server_vport_get(struct request *rq);
int server_vport_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
// What the request of a dump wants left out of flows that have a UFID.
uint32_t server_flow_dump_omits(const struct nlmsghdr *request);
int server_flow_new(struct request *rq);
int server_flow_set(struct request *rq);
int server_flow_del(struct request *rq);
int server_flow_get(struct request *rq);
int server_flow_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_packet_execute(struct request *rq);
int server_meter_features(struct request *rq);
int server_meter_set(struct request *rq);
int server_meter_del(struct request *rq);
int server_meter_get(struct request *rq);
int server_meter_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_subscribe(struct request *rq);
// What the request of a dump wants of connections: a zone, or -1 for all.
int32_t server_ct_dump_zone(const struct nlmsghdr *request);
int server_ct_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_ct_del(struct request *rq);
int server_ct_stats_get(struct request *rq);
int server_ct_set(struct request *rq);
int server_ct_policy_set(struct request *rq);
int server_ct_policy_get(struct request *rq);
int server_ct_policy_del(struct request *rq);
int server_ct_policy_dump(const struct client *c, struct nlmsghdr *nlh, size_t room,
			  uint32_t *cursor);
int server_ct_frag_get(struct request *rq);
int server_ct_frag_set(struct request *rq);
int server_ct_frag_dump(const struct client *c, struct nlmsghdr *nlh, size_t room,
			uint32_t *cursor);
int server_ct_limit_set(struct request *rq);
int server_ct_limit_del(struct request *rq);
int server_ct_limit_get(struct request *rq);
int server_trace_set(struct request *rq);
int server_swd_info(struct request *rq);
int server_pmd_set(struct request *rq);
int server_pmd_rebalance(struct request *rq);
int server_guest_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_swd_pmd_dump(const struct client *c, struct nlmsghdr *nlh, size_t room,
			uint32_t *cursor);

#endif
