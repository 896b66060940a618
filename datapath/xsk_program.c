#include "datapath/xsk_program.h"

#include "datapath/host_iface.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <rte_log.h>
#include <xdp/libxdp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OBJECT "xsk_def_xdp_prog.o" // of libxdp, which knows where it is
#define MAP    "xsks_map"	    // by queue; frames of queues without a socket pass to the host

// Control thread.
static bool errors_told = true;
static unsigned n_attached;

static int libbpf_say(enum libbpf_print_level level, const char *format, va_list args)
{
	return errors_told && level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void tell_errors(bool tell)
{
	static int level; // of the driver, as it was
	int type = rte_log_register("pmd.net.af_xdp");
	libbpf_set_print(libbpf_say);
	if (type < 0 || tell == errors_told)
		return;
	errors_told = tell;
	if (!tell)
		level = rte_log_get_level((uint32_t)type);
	rte_log_set_level((uint32_t)type, tell ? (uint32_t)level : RTE_LOG_CRIT);
}

const char *xsk_native_refusal(int native_rc)
{
	switch (native_rc) {
	case -EOPNOTSUPP:
		return "knows no XDP";
	case -ERANGE:
		return "has no XDP for an MTU of this size";
	default:
		return "refuses an XDP program (an MTU or an offload of its may be in the way)";
	}
}

static int refuse_taken(const char *iface, bool generic, char *err, size_t err_len)
{
	snprintf(err, err_len,
		 "interface %s has an XDP program already: `ip link show dev %s` shows it, `ip "
		 "link set dev %s %s off` or `xdp-loader unload %s --all` takes it off",
		 iface, iface, iface, generic ? "xdpgeneric" : "xdp", iface);
	return -EBUSY;
}

static int check_free(const char *iface, char *err, size_t err_len)
{
	struct bpf_xdp_query_opts there = {.sz = sizeof(there)};
	int rc = bpf_xdp_query((int)host_iface_index(iface), 0, &there);
	if (rc < 0) {
		snprintf(err, err_len, "interface %s: cannot ask for its XDP program: %s", iface,
			 strerror(-rc));
		return rc;
	}
	if (there.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	return refuse_taken(iface, there.attach_mode == XDP_ATTACHED_SKB, err, err_len);
}

static int object_load(struct bpf_object *object, unsigned n_queues)
{
	struct bpf_program *program = bpf_object__next_program(object, NULL);
	struct bpf_map *map = bpf_object__find_map_by_name(object, MAP);
	if (!program || !map)
		return -ENOENT;
	int rc = bpf_map__set_max_entries(map, n_queues);
	if (rc == 0)
		rc = bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
	if (rc == 0)
		rc = bpf_object__load(object);
	return rc < 0 ? rc : bpf_program__fd(program);
}

// A descriptor, which belongs to *file.
static int program_load(unsigned n_queues, struct xdp_program **file, char *err, size_t err_len)
{
	int rc;
	*file = xdp_program__find_file(OBJECT, NULL, NULL);
	rc = (int)libxdp_get_error(*file);
	if (rc < 0) {
		*file = NULL;
		snprintf(err, err_len, "libxdp's program %s: %s: install libxdp (package libxdp1)",
			 OBJECT, strerror(-rc));
		return rc;
	}
	rc = object_load(xdp_program__bpf_obj(*file), n_queues);
	if (rc < 0)
		snprintf(err, err_len, "the kernel does not load libxdp's program %s: %s", OBJECT,
			 strerror(-rc));
	return rc;
}

static int link_create(int program, const char *iface, unsigned mode)
{
	struct bpf_link_create_opts opts = {.sz = sizeof(opts), .flags = mode};
	return bpf_link_create(program, (int)host_iface_index(iface), BPF_XDP, &opts);
}

static int refuse(int rc, const char *iface, enum xsk_mode mode, char *err, size_t err_len)
{
	if (rc == -EBUSY || rc == -EEXIST) // it came just now; one in the other mode, if EEXIST
		return refuse_taken(iface, (mode == XSK_GENERIC) != (rc == -EEXIST), err, err_len);
	if (mode == XSK_NATIVE)
		snprintf(err, err_len,
			 "interface %s has no native XDP: its driver %s: give xdp=generic, or auto",
			 iface, xsk_native_refusal(rc));
	else
		snprintf(err, err_len, "interface %s takes no XDP program: %s", iface,
			 strerror(-rc));
	return rc;
}

static bool mode_missing(int rc)
{
	return rc < 0 && rc != -EBUSY && rc != -EEXIST && rc != -EPERM;
}

static int link_make(int program, const char *iface, enum xsk_mode mode, struct xsk_program *out)
{
	*out = (struct xsk_program){.generic = mode == XSK_GENERIC};
	out->link =
	    link_create(program, iface, out->generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	if (mode == XSK_AUTO && mode_missing(out->link)) {
		out->native_rc = out->link;
		out->generic = true;
		out->link = link_create(program, iface, XDP_FLAGS_SKB_MODE);
	}
	return out->link < 0 ? out->link : 0;
}

int xsk_program_attach(const char *iface, unsigned n_queues, enum xsk_mode mode,
		       struct xsk_program *out, char *err, size_t err_len)
{
	struct xdp_program *file;
	tell_errors(true);
	int rc = check_free(iface, err, err_len);
	if (rc < 0)
		return rc;
	int program = program_load(n_queues, &file, err, err_len);
	rc = program < 0 ? program : link_make(program, iface, mode, out);
	if (rc == 0)
		n_attached++;
	else if (program >= 0)
		refuse(rc, iface, mode, err, err_len);
	if (file)
		xdp_program__close(file);
	return rc;
}

void xsk_program_settled(void)
{
	tell_errors(false);
}

void xsk_program_detach(struct xsk_program *program)
{
	close(program->link);
	if (--n_attached == 0)
		tell_errors(true);
}
