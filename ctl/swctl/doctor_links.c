// Check "links": why a port has none.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"
#include "ctl/swctl/host.h"

#include <limits.h>
#include <string.h>

// Kinds whose reason is swd's to tell.
static const struct {
	const char *kind, *mend;
} mends[] = {
    {"tap", "ip link set dev %s up"},
    {"af-packet", "ip link show dev %s: set up what is at its other end; is there a carrier?"},
    {"af-xdp", "ip link show dev %s: set up what is at its other end; is there a carrier?"},
    {"pcap", "ip link show dev %s: set up what is at its other end; is there a carrier?"},
    {"pf-ring", "ip link show dev %s: set up what is at its other end; is there a carrier?"},
    {"bond", "ip link set dev MEMBER up, for each of its members; is there a carrier?"},
    {"nic", "look at the cable and at the other end; `swctl nic list` shows the card's driver"},
    {"memif", "start the other end: the same socket, id and secret, the other role, and as many "
	      "bytes in a buffer as it can take"},
    {"virtio-user", "start the vhost-user backend that listens at the port's path"},
    {"ring", "add the port at the other end: `swctl add-port NAME type=ring` with the same name="},
};

struct vhost_port {
	struct doctor *d;
	const char *name, *path;
	bool server;
	const char *stage; // of the guest
	const char *reason;
};

static const char *option_of(const json_t *port, const char *key)
{
	return field_text(json_object_get(port, "options"), key);
}

static void mend_start(const struct vhost_port *p)
{
	if (p->server)
		doctor_mend(p->d, "start the guest, with -chardev socket,id=ID,path=%s,reconnect=1",
			    p->path);
	else
		doctor_mend(p->d, "start the guest, with -chardev socket,id=ID,path=%s,server=on",
			    p->path);
}

static void mend_rights(const struct vhost_port *p, const char *at)
{
	if (strcmp(at, p->path) == 0)
		doctor_mend(p->d,
			    "chgrp GROUP %s, a group of that user; to stay so: swd "
			    "--vhost-group GROUP, or group=GROUP of the port",
			    at);
	else
		doctor_mend(p->d, "let that user through: chmod o+x %s, or chgrp GROUP %s", at, at);
}

// The guest's program is there, and its connection is not.
static void find_apart(const struct vhost_port *p, const struct proc *peer)
{
	char at[PATH_MAX];
	struct stat st;
	if (stat(p->path, &st) < 0) {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "%s (pid %d) wants %s, and that is not there any more", peer->name,
			    (int)peer->pid, p->path);
		doctor_mend(p->d, "swctl del-port %s, and add it again with the same options",
			    p->name);
	} else if (!proc_may_connect(peer, p->path, at)) {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "%s (pid %d, user %u) may not connect to %s: %s is in the way",
			    peer->name, (int)peer->pid, peer->uid, p->path, at);
		mend_rights(p, at);
	} else {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "%s (pid %d) names %s and is not connected to it", peer->name,
			    (int)peer->pid, p->path);
		doctor_mend(p->d,
			    "give its chardev reconnect=1, or restart the guest: without, QEMU "
			    "connects only when it starts");
	}
}

static void find_absent_server(const struct vhost_port *p)
{
	struct proc peer;
	if (proc_find_argument(p->d->root, p->path, p->d->swd.pid, &peer)) {
		find_apart(p, &peer);
		return;
	}
	doctor_find(p->d, DOCTOR_WARNING, p->name, "no guest is connected to %s", p->path);
	mend_start(p);
}

// swd is to connect to what QEMU made.
static void find_absent_client(const struct vhost_port *p)
{
	struct host_socket socket = host_socket_find(p->d->root, p->path);
	char at[PATH_MAX];
	struct stat st;
	struct proc swd;
	if (stat(p->path, &st) < 0) {
		doctor_find(p->d, DOCTOR_WARNING, p->name, "nobody has made %s", p->path);
		mend_start(p);
	} else if (doctor_daemon_proc(p->d, &p->d->swd, &swd) &&
		   !proc_may_connect(&swd, p->path, at)) {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "swd (user %u) may not connect to %s: %s is in the way", swd.uid,
			    p->path, at);
		doctor_mend(p->d, "give %s to a group of swd's, and that group the right to write",
			    at);
	} else if (!socket.listening) {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "%s is left from a program that is gone: nobody listens", p->path);
		mend_start(p);
	} else {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "who listens at %s does not take swd: another program is connected to "
			    "it, or it is no vhost-user",
			    p->path);
		doctor_mend(p->d, "see who has it: ss -xp | grep %s", p->path);
	}
}

static void find_connected(const struct vhost_port *p)
{
	if (strcmp(p->stage, "connected") == 0) {
		doctor_find(p->d, DOCTOR_WARNING, p->name,
			    "QEMU is connected; no driver in the guest has taken the device");
		doctor_mend(p->d, "wait until it has booted; in the guest: lspci, modprobe "
				  "virtio_net");
	} else if (strcmp(p->stage, "driver") == 0) {
		doctor_find(p->d, DOCTOR_PROBLEM, p->name,
			    "the guest's driver is there, and QEMU does not share the guest's "
			    "memory");
		doctor_mend(p->d, "start QEMU with -object "
				  "memory-backend-memfd,id=mem,size=SIZE,share=on -machine "
				  "memory-backend=mem; in libvirt's XML: <memoryBacking><source "
				  "type='memfd'/><access mode='shared'/></memoryBacking>");
	} else {
		doctor_find(p->d, DOCTOR_WARNING, p->name, "%s",
			    *p->reason ? p->reason : "its queues are not set up yet");
		doctor_mend(p->d, "in the guest, take the driver off the device and give it back, "
				  "or reboot it");
	}
}

static void find_vhost(struct doctor *d, const json_t *port)
{
	const json_t *guest = doctor_member(doctor_list(d->now[FACT_GUESTS], "guests"), "port",
					    field_text(port, "name"));
	struct vhost_port p = {
	    .d = d,
	    .name = field_text(port, "name"),
	    .path = option_of(port, "path"),
	    .server = strcmp(option_of(port, "mode"), "client") != 0,
	    .stage = guest ? field_text(guest, "stage") : "absent",
	    .reason = field_text(port, "reason"),
	};
	if (strcmp(p.stage, "absent") != 0)
		find_connected(&p);
	else if (p.server)
		find_absent_server(&p);
	else
		find_absent_client(&p);
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

// A reason that ends in what to do: "...: `COMMAND`", maybe with words behind it. false: it does
// not.
static bool find_command(struct doctor *d, enum doctor_level level, const char *name,
			 const char *reason)
{
	const char *colon = strstr(reason, ": `"), *end = colon ? strchr(colon + 3, '`') : NULL;
	if (!end)
		return false;
	doctor_find(d, level, name, "%.*s", (int)(colon - reason), reason);
	if (end[1])
		doctor_mend(d, "%s", colon + 2);
	else
		doctor_mend(d, "%.*s", (int)(end - colon - 3), colon + 3);
	return true;
}

// The host's interface that a port was made for was deleted, or is in another network namespace.
static bool find_no_iface(struct doctor *d, enum doctor_level level, const char *name,
			  const char *reason)
{
	if (!strstr(reason, "no interface is named ") && !strstr(reason, " is gone"))
		return false;
	doctor_find(d, level, name, "%s", reason);
	doctor_mend(d, "make it again (ip link add ...): the port takes it; or swctl del-port %s",
		    name);
	return true;
}

static void find_other(struct doctor *d, const json_t *port)
{
	const char *kind = field_text(port, "kind"), *reason = field_text(port, "reason");
	const char *name = field_text(port, "name"), *iface = option_of(port, "iface");
	if (find_command(d, DOCTOR_WARNING, name, reason) ||
	    find_no_iface(d, DOCTOR_WARNING, name, reason))
		return;
	doctor_find(d, DOCTOR_WARNING, name, "%s", *reason ? reason : "it has no link");
	for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++) {
		if (strcmp(mends[i].kind, kind) == 0)
			doctor_mend(d, mends[i].mend, *iface ? iface : "IFACE");
	}
}

static void find_refused(struct doctor *d, const char *name, const char *reason)
{
	if (find_command(d, DOCTOR_PROBLEM, name, reason) ||
	    find_no_iface(d, DOCTOR_PROBLEM, name, reason))
		return;
	doctor_find(d, DOCTOR_PROBLEM, name, "%s", reason);
	doctor_mend(d,
		    "swctl del-port %s, and add it with what swd takes; it is offered again every "
		    "few seconds",
		    name);
}

static void check_port(struct doctor *d, const json_t *port)
{
	const char *name = field_text(port, "name"), *reason = field_text(port, "reason");
	bool up = strcmp(field_text(port, "link"), "up") == 0;
	if (up && *reason) {
		doctor_find(d, DOCTOR_WARNING, name, "it has a link, but: %s", reason);
		doctor_mend(d, "docs/ports.md tells what this kind of port needs");
	} else if (up || strstr(reason, "of the guest stopped")) {
		return; // the latter is for check "queues"
	} else if (begins_with(reason, "refused by swd")) {
		find_refused(d, name, reason);
	} else if (strcmp(field_text(port, "kind"), "vhost-user") == 0) {
		find_vhost(d, port);
	} else {
		find_other(d, port);
	}
}

void doctor_check_links(struct doctor *d)
{
	const json_t *port, *ports = doctor_list(d->now[FACT_PORTS], "ports");
	size_t i;
	json_array_foreach (ports, i, port) {
		check_port(d, port);
	}
	if (json_array_size(ports) == 0) {
		doctor_find(d, DOCTOR_HINT, "", "there are no ports");
		doctor_mend(d, "swctl help add-port");
	} else if (!doctor_found(d)) {
		doctor_find(d, DOCTOR_OK, "", "all ports have one: %zu", json_array_size(ports));
	}
}
