#include "datapath/veth_segments.h"

#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf_call(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

// "return XDP_PASS"
static int pass_load(void)
{
	static const struct bpf_insn insns[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (uintptr_t) "Proprietary";
	return bpf_call(BPF_PROG_LOAD, &attr);
}

static int pass_attach(unsigned if_index)
{
	int prog = pass_load(), link;
	union bpf_attr attr;

	if (prog < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.target_ifindex = if_index;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_DRV_MODE;
	link = bpf_call(BPF_LINK_CREATE, &attr);
	close(prog);
	return link;
}

static bool ethtool(int sock, struct ifreq *ifr, void *request)
{
	ifr->ifr_data = request;
	return ioctl(sock, SIOCETHTOOL, ifr) == 0;
}

static int segments_ask(int sock, unsigned if_index)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value gro = {.cmd = ETHTOOL_SGRO, .data = 0};
	struct ifreq ifr = {0};
	int link;

	if (!if_indextoname(if_index, ifr.ifr_name) || !ethtool(sock, &ifr, &driver) ||
	    strcmp(driver.driver, "veth") != 0)
		return -1;
	link = pass_attach(if_index);
	// Linux turned it on together with the program, and off again when the program goes.
	if (link >= 0)
		ethtool(sock, &ifr, &gro);
	return link;
}

int veth_segments_ask(unsigned if_index)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), link;

	if (sock < 0)
		return -1;
	link = segments_ask(sock, if_index);
	close(sock);
	return link;
}
