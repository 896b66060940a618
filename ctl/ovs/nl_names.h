// Compiled in front of Open vSwitch's own lib/dpif-netlink.c (provider.c): it speaks to swd over
// our connections instead of to the kernel over netlink, and its names do not meet those of the
// original, which stays in the program for datapaths of type "system".
#ifndef CTL_OVS_NL_NAMES_H
#define CTL_OVS_NL_NAMES_H

#include "netlink-socket.h"

// What goes over netlink's sockets there goes over ours.
#define nl_sock_create	       swd_sock_create
#define nl_sock_destroy	       swd_sock_destroy
#define nl_sock_join_mcgroup   swd_sock_join_mcgroup
#define nl_sock_recv	       swd_sock_recv
#define nl_sock_drain	       swd_sock_drain
#define nl_sock_wait	       swd_sock_wait
#define nl_sock_fd	       swd_sock_fd
#define nl_sock_pid	       swd_sock_pid
#define nl_transact	       swd_transact
#define nl_transact_multiple   swd_transact_multiple
#define nl_dump_start	       swd_dump_start
#define nl_dump_next	       swd_dump_next
#define nl_dump_done	       swd_dump_done
#define nl_lookup_genl_family  swd_family_lookup
#define nl_lookup_genl_mcgroup swd_mcgroup_lookup

// What it exports.
#define dpif_netlink_class		swd_netlink_class
#define netdev_to_ovs_vport_type	swd_netdev_to_vport_type
#define dpif_netlink_is_internal_device swd_is_internal_device
#define dpif_netlink_vport_init		swd_vport_init
#define dpif_netlink_vport_transact	swd_vport_transact
#define dpif_netlink_vport_get		swd_vport_get

// Positive errno values, as all of OVS. See netlink-socket.h for what each does.
int swd_sock_create(int protocol, struct nl_sock **);
void swd_sock_destroy(struct nl_sock *);
int swd_sock_join_mcgroup(struct nl_sock *, unsigned int group);
int swd_sock_recv(struct nl_sock *, struct ofpbuf *, int *nsid, bool wait);
int swd_sock_drain(struct nl_sock *);
void swd_sock_wait(const struct nl_sock *, short int events);
int swd_sock_fd(const struct nl_sock *);
uint32_t swd_sock_pid(const struct nl_sock *);
int swd_transact(int protocol, const struct ofpbuf *request, struct ofpbuf **replyp);
void swd_transact_multiple(int protocol, struct nl_transaction **, size_t n);
// The datapath of limits of connections by zone, which the kernel has by network namespace.
void swd_transact_default_dp(int dp_ifindex);
void swd_dump_start(struct nl_dump *, int protocol, const struct ofpbuf *request);
bool swd_dump_next(struct nl_dump *, struct ofpbuf *reply, struct ofpbuf *buffer);
int swd_dump_done(struct nl_dump *);
int swd_family_lookup(const char *name, int *number);
int swd_mcgroup_lookup(const char *family, const char *group, unsigned int *number);

#endif
