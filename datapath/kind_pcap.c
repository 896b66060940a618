// Port kind "pcap": an interface by libpcap, or capture files.
#include "datapath/kind_pcap.h"

#include "datapath/ethdev_kind.h"
#include "datapath/kind_iface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int rc, char *err, size_t err_len, const char *key, const char *path,
		  const char *why)
{
	snprintf(err, err_len, "%s=%.200s: %s", key, path, why);
	return rc;
}

// Devargs split at these.
static int check_path(const char *key, const char *path, char *err, size_t err_len)
{
	if (!strpbrk(path, ",[]"))
		return 0;
	return refuse(-EINVAL, err, err_len, key, path,
		      "a path with a comma or a bracket cannot be passed to the driver: rename it");
}

// What the first bytes of a capture file are, in either order: microseconds, nanoseconds, pcapng.
static bool is_magic(uint32_t word)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0x0a0d0d0a};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (word == magics[i] || word == __builtin_bswap32(magics[i]))
			return true;
	}
	return false;
}

static bool is_capture(const char *path)
{
	uint32_t word = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool is = fread(&word, sizeof(word), 1, f) == 1 && is_magic(word);
	fclose(f);
	return is;
}

static int check_rx_file(const char *path, char *err, size_t err_len)
{
	int rc = check_path("rx-file", path, err, err_len);
	struct stat st;
	if (rc < 0)
		return rc;
	if (access(path, R_OK) < 0 || stat(path, &st) < 0) {
		rc = -errno;
		return refuse(rc, err, err_len, "rx-file", path, strerror(-rc));
	}
	// To open a FIFO would wait for its other end.
	if (S_ISREG(st.st_mode) && is_capture(path))
		return 0;
	return refuse(-EINVAL, err, err_len, "rx-file", path,
		      "is no capture file: give one in pcap or pcapng format");
}

// Whether the file can be made, or written anew.
static int check_tx_file(const char *path, char *err, size_t err_len)
{
	char dir[PORT_OPTION_MAX];
	struct stat st;
	int rc = check_path("tx-file", path, err, err_len);
	if (rc < 0)
		return rc;
	// A FIFO again would wait for its other end.
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse(-EINVAL, err, err_len, "tx-file", path,
			      "what is there is no file: name another");
	if (access(path, W_OK) == 0)
		return 0;
	rc = -errno;
	if (rc == -ENOENT) {
		snprintf(dir, sizeof(dir), "%s", path);
		*(strrchr(dir, '/') + 1) = '\0';
		if (access(dir, W_OK | X_OK) == 0)
			return 0;
		rc = -errno;
	}
	return refuse(rc, err, err_len, "tx-file", path,
		      rc == -ENOENT ? "its folder does not exist: make it first" : strerror(-rc));
}

int pcap_live_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *iface = kind_iface(port);
	int rc = kind_iface_check(port, iface, err, err_len);
	return rc < 0 ? rc : kind_iface_check_up(iface, err, err_len);
}

void pcap_live_devargs(const struct port *port, char *devargs, size_t len)
{
	const char *iface = kind_iface(port);
	// One handle for each way: the one that receives hears nothing of what is sent.
	snprintf(devargs, len, "net_pcap_swd%u,rx_iface_in=%s,tx_iface=%s", port->no, iface, iface);
}

// Whether both names lead to one file.
static bool is_same_file(const char *a, const char *b)
{
	struct stat st_a, st_b;
	return stat(a, &st_a) == 0 && stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
	       st_a.st_ino == st_b.st_ino;
}

static int file_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *rx = port_option(&port->config, "rx-file");
	const char *tx = port_option(&port->config, "tx-file");
	int rc = rx ? check_rx_file(rx, err, err_len) : 0;
	if (rc == 0 && tx)
		rc = check_tx_file(tx, err, err_len);
	if (rc < 0)
		return rc;
	if (rx && tx && is_same_file(rx, tx))
		return refuse(-EINVAL, err, err_len, "tx-file", tx,
			      "would overwrite rx-file: give another");
	return 0;
}

static void file_devargs(const struct port *port, char *devargs, size_t len)
{
	const char *rx = port_option(&port->config, "rx-file");
	const char *tx = port_option(&port->config, "tx-file");
	snprintf(devargs, len, "net_pcap_swd%u%s%s%s%s%s", port->no, rx ? ",rx_pcap=" : "",
		 rx ? rx : "", tx ? ",tx_pcap=" : "", tx ? tx : "",
		 port_option_is(&port->config, "loop", "on") ? ",infinite_rx=1" : "");
}

static int pcap_prepare(const struct port *port, char *err, size_t err_len)
{
	const struct port_config *c = &port->config;
	bool rx = port_option(c, "rx-file"), files = rx || port_option(c, "tx-file");
	const char *wrong = NULL;
	if (!files && !port_option(c, "iface"))
		wrong = "a pcap port needs iface=, or rx-file= or tx-file=";
	else if (files && port_option(c, "iface"))
		wrong = "a pcap port has iface= or files, not both: make two ports";
	else if (port_option_is(c, "loop", "on") && !rx)
		wrong = "loop=on needs rx-file=";
	if (wrong) {
		snprintf(err, err_len, "%s", wrong);
		return -EINVAL;
	}
	return (files ? file_prepare : pcap_live_prepare)(port, err, err_len);
}

static void pcap_devargs(const struct port *port, char *devargs, size_t len)
{
	(kind_iface(port) ? pcap_live_devargs : file_devargs)(port, devargs, len);
}

static const struct ethdev_kind pcap = {.prepare = pcap_prepare,
					.devargs = pcap_devargs,
					.iface = kind_iface};
const struct port_kind port_kind_pcap = ETHDEV_PORT_KIND("pcap", &pcap);
