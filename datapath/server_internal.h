// What the files of the datapath protocol's server share: its clients, how they are answered, and
// the handlers, one file a family. Control thread only.
#ifndef DATAPATH_SERVER_INTERNAL_H
#define DATAPATH_SERVER_INTERNAL_H

#include "ctl/dp_actions.h"
#include "ctl/dp_msg.h"
#include "datapath/pmd.h"
#include "datapath/server.h"

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/types.h>

struct client;
struct handler;
struct tracing;

struct server {
	struct event_base *base;
	struct flow_table *flows;
	uint64_t started_ms; // CLOCK_MONOTONIC

	char *path;
	gid_t group;
	int fd;
	dev_t dev; // of the socket file, to remove no other's
	ino_t ino;
	struct event *on_accept;
	struct event *on_accept_retry;

	TAILQ_HEAD(client_list, client) clients; // the longest silent first
	unsigned n_clients;
	uint64_t full_told_ms; // when the log was told last that there are too many
	uint64_t refused_ms;   // when a stranger was logged last; 0: never

	char *in;		// the datagram that is being read
	struct dp_datagram out; // answers to the client that is being served; empty in between
	struct action actions[ACTIONS_MAX];		// the list that is being read
	const struct nlattr *action_attrs[ACTIONS_MAX]; // where its entries came from

	struct event *on_upcall, *on_upcall_later;
	struct client *upcall_client; // who gets upcalls, or NULL
	bool upcalls_stalled;	      // it does not read: rings wait until it does
	// By input port: misses that it was given and has not sent back to be executed.
	uint32_t n_unanswered[PORTS_MAX];
	uint8_t version_logged; // that a client spoke instead of ours; 0: none since one attached

	TAILQ_HEAD(tracing_list, tracing) tracings;
	struct event *on_trace; // while there are any
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
	unsigned id;	    // for the log
	bool dead;	    // to be closed when its event has been served
	uint64_t active_ms; // of client_touch()
	struct event *on_read, *on_write;
	STAILQ_HEAD(outgoing_list, outgoing) queue;
	size_t queued_bytes;
	// The dump that goes on as the socket drains; NULL: none.
	const struct handler *dump;
	struct nlmsghdr dump_request;
	uint32_t dump_omits; // of flows: OVS_UFID_F_OMIT_*
	uint32_t dump_cursor;
};

// A request that is being handled. `error` is for the answer; a handler that fails says there what
// is wrong.
struct request {
	struct server *server;
	struct client *client;
	const struct nlmsghdr *nlh;
	struct dp_error error;
};

// Puts an answer's attributes. false when there is no room.
typedef bool (*answer_fn)(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg);

struct handler {
	uint16_t family;
	uint8_t cmd;
	uint8_t answer_cmd; // of answers to this command
	// 0 or -errno with rq->error. NULL: only dumps.
	int (*handle)(struct request *rq);
	// Puts the next object and moves the cursor (0 at first) past it: 1, 0 at the end, or
	// -EMSGSIZE when there is no room. NULL: no dumps.
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

// server_client.c
struct client *client_create(struct server *server, int fd, unsigned id);
void client_destroy(struct client *c);
void client_touch(struct client *c); // it has sent something, or taken all that waited for it
// Appends a message to server->out, sending what stands there when it is full. 0 or -EMSGSIZE.
int client_put(struct client *c, const struct nlmsghdr *header, uint8_t cmd, answer_fn fill,
	       void *arg);
// Sends server->out, or queues it.
void client_flush(struct client *c);
bool client_blocked(const struct client *c); // something waits for it to read
void client_dump_start(struct client *c, const struct handler *handler,
		       const struct nlmsghdr *request);
// The connection is closed once its event has been served.
void client_fail(struct client *c, const char *why);

// server_upcall.c
int upcalls_start(struct server *server);
void upcalls_stop(struct server *server);
int upcalls_attach(struct server *server, struct client *c);	    // 0 or -EBUSY
void upcalls_detach(struct server *server, const struct client *c); // nothing when c has none
void upcalls_resume(struct server *server, const struct client *c); // c's socket has drained
// Whether a packet of this port that c wants executed is a miss that it was given.
bool upcalls_answered(struct server *server, const struct client *c, uint32_t in_port);

// server_vport.c
// Puts the reasons that are not zero, each nested in an attribute of this type. false when there is
// no room.
bool put_drops(struct nlmsghdr *nlh, size_t room, uint16_t type,
	       const struct port_counters *counters);

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

// Handlers.
int server_dp_get(struct request *rq);
int server_dp_set(struct request *rq);
int server_dp_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_vport_new(struct request *rq);
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
int server_trace_set(struct request *rq);
int server_swd_info(struct request *rq);
int server_pmd_set(struct request *rq);
int server_pmd_rebalance(struct request *rq);
int server_guest_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor);
int server_swd_pmd_dump(const struct client *c, struct nlmsghdr *nlh, size_t room,
			uint32_t *cursor);

#endif
