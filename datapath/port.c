#include "datapath/port.h"

#include "ctl/log.h"
#include "datapath/capabilities.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct port_kind *const kinds[] = {
    &port_kind_vhost,	&port_kind_dpdk, &port_kind_af_packet,	 &port_kind_af_xdp, &port_kind_pcap,
    &port_kind_pf_ring, &port_kind_tap,	 &port_kind_virtio_user, &port_kind_memif,  &port_kind_bond,
    &port_kind_null,	&port_kind_nic,	 &port_kind_ring,	 &port_kind_tunnel,
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

// Lines that PMDs read at each burst and that nothing else stands in.
struct port *ports_published[PORTS_MAX] __rte_cache_aligned;
unsigned ports_n_senders __rte_cache_aligned;
uint64_t ports_gone_drops[N_DROP_REASONS];
static bool numbers_reserved[PORTS_MAX];
static struct rcu *ports_rcu;
static uint32_t n_opened;
static bool is_ending;

static_assert(offsetof(struct port, config) <= RTE_CACHE_LINE_SIZE, "one line is hot");

void ports_init(struct rcu *rcu)
{
	ports_rcu = rcu;
}

void ports_synchronize(void)
{
	if (ports_rcu)
		rcu_synchronize(ports_rcu);
}

static const struct port_kind *kind_find(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	}
	return NULL;
}

// Names stand in flow texts, so they keep clear of its punctuation.
bool port_name_ok(const char *name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t len = strnlen(name, PORT_NAME_MAX);
	return len > 0 && len < PORT_NAME_MAX && strspn(name, allowed) == len;
}

bool port_number_is_free(uint32_t no)
{
	return no > 0 && no < PORTS_MAX && !ports_published[no] && !numbers_reserved[no];
}

static uint32_t number_free(void)
{
	for (uint32_t no = 1; no < PORTS_MAX; no++) {
		if (port_number_is_free(no))
			return no;
	}
	return 0;
}

int port_number_reserve(uint32_t *no)
{
	for (*no = PORTS_MAX - 1; *no > 0; (*no)--) {
		if (port_number_is_free(*no)) {
			numbers_reserved[*no] = true;
			return 0;
		}
	}
	return -ENOSPC;
}

void port_number_release(uint32_t no)
{
	numbers_reserved[no] = false;
}

// Sets *no to the number that the new port gets.
static int number_choose(uint32_t *no, const struct port_config *config, char *err, size_t err_len)
{
	if (!port_name_ok(config->name)) {
		snprintf(err, err_len,
			 "port name \"%.*s\" does not do: use 1 to %d letters, digits, or _ - .",
			 PORT_NAME_MAX - 1, config->name, PORT_NAME_MAX - 1);
		return -EINVAL;
	}
	if (port_find(config->name)) {
		snprintf(err, err_len, "port \"%s\" is there already", config->name);
		return -EEXIST;
	}
	if (*no >= PORTS_MAX) {
		snprintf(err, err_len, "port number %u is too large: use 1 to %d", *no,
			 PORTS_MAX - 1);
		return -EINVAL;
	}
	if (*no != 0 && ports_published[*no]) {
		snprintf(err, err_len, "port number %u belongs to \"%s\"", *no,
			 ports_published[*no]->config.name);
		return -EEXIST;
	}
	if (*no != 0 && numbers_reserved[*no]) {
		snprintf(err, err_len, "port number %u is kept for a datapath", *no);
		return -EEXIST;
	}
	if (*no == 0)
		*no = number_free();
	if (*no == 0) {
		snprintf(err, err_len, "all %d port numbers are in use", PORTS_MAX - 1);
		return -ENOSPC;
	}
	return 0;
}

int port_add(uint32_t no, const struct port_config *config, struct port **out, char *err,
	     size_t err_len)
{
	int rc = number_choose(&no, config, err, err_len);
	if (rc < 0)
		return rc;
	const struct port_kind *kind = kind_find(config->kind);
	rc = kind && kind->hidden ? 0 : port_options_check(config, err, err_len);
	if (rc < 0)
		return rc;
	if (!kind) {
		snprintf(err, err_len, "port kind \"%s\" is not built into this swd", config->kind);
		return -EOPNOTSUPP;
	}

	// PMDs read its start at each burst: no other object of the heap shares that line.
	size_t bytes = RTE_ALIGN_CEIL(sizeof(struct port), (size_t)RTE_CACHE_LINE_SIZE);
	struct port *port = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (!port) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	memset(port, 0, bytes);
	port->no = no;
	port->serial = ++n_opened;
	port->kind = kind;
	port->numa_node = SOCKET_ID_ANY;
	port->config = *config;
	rc = kind->open(port, &port->config, err, err_len);
	if (rc < 0) {
		capabilities_explain(config->kind, err, err_len);
		free(port);
		return rc;
	}
	// A PMD that finds the port sees it whole.
	__atomic_store_n(&ports_published[no], port, __ATOMIC_RELEASE);
	*out = port;
	return 0;
}

void port_del(struct port *port)
{
	__atomic_store_n(&ports_published[port->no], NULL, __ATOMIC_RELEASE);
	ports_synchronize();
	if (port->kind->losses)
		port->kind->losses(port, ports_gone_drops);
	port->kind->close(port);
	free(port);
}

struct port *port_find(const char *name)
{
	for (uint32_t no = 1; no < PORTS_MAX; no++) {
		if (ports_published[no] && strcmp(ports_published[no]->config.name, name) == 0)
			return ports_published[no];
	}
	return NULL;
}

struct port *port_next(uint32_t *cursor)
{
	while (*cursor < PORTS_MAX) {
		struct port *port = ports_published[(*cursor)++];
		if (port)
			return port;
	}
	return NULL;
}

void ports_ending(void)
{
	is_ending = true;
}

void ports_fini(void)
{
	uint32_t cursor = 0;
	ports_ending();
	for (struct port *port; (port = port_next(&cursor)) != NULL;)
		port_del(port);
	is_ending = false;
}

bool ports_are_ending(void)
{
	return is_ending;
}

static void log_line(enum log_level level, const struct port *port, const char *fmt, va_list args)
{
	char text[512];
	vsnprintf(text, sizeof(text), fmt, args);
	log_write(level, "port %s: %s", port->config.name, text);
}

void port_log_info(const struct port *port, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	log_line(LOG_LEVEL_INFO, port, fmt, args);
	va_end(args);
}

void port_log_warn(const struct port *port, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	log_line(LOG_LEVEL_WARN, port, fmt, args);
	va_end(args);
}
