#include "datapath/options.h"

#include "ctl/account.h"
#include "ctl/core_list.h"
#include "flowtable/isa.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEM_DEFAULT	    512u
#define MEM_MAX		    (1u << 20)
#define MAX_FLOWS_DEFAULT   200000u
#define MAX_FLOWS_MIN	    16
#define MAX_FLOWS_MAX	    (1u << 24)
#define CT_MIN		    16
#define CT_MAX		    (1u << 28)
#define UPCALL_RATE_DEFAULT 5000u
#define UPCALL_RATE_MAX	    100000000
#define OTHER_PORTS_FROM    (PORTS_MAX / 2u)

void options_usage(void)
{
	printf(
	    "usage: swd --pmd-cores LIST [OPTION]...\n"
	    "The data plane of a virtual switch: runs in the foreground, logs to stderr, and "
	    "serves\n"
	    "RUN-DIR/datapath.sock for swctld.\n\n"
	    "  --pmd-cores LIST  cores for the packet threads, as in 1 or 1,3-5\n"
	    "  --run-dir DIR     folder of the sockets (default /run/swd); is made when missing\n"
	    "  --mem MB          hugepage memory to take (default %u, at least %u)\n"
	    "  --max-flows N     megaflows to hold at most (default %u, less when --mem is small)\n"
	    "  --ct-connections N\n"
	    "                    connections to track at most (default: as many as an eighth of\n"
	    "                    --mem holds, 400000 of 512 MB)\n"
	    "  --upcall-rate N   misses a second of each port that go to swctld before those of "
	    "ports\n"
	    "                    that have more (default %u; 0: no port has more)\n"
	    "  --other-ports-from N\n"
	    "                    first number of the ports of other control daemons than swctld,\n"
	    "                    whose begin at 1 (default %u)\n"
	    "  --isa NAME        auto, plain, avx2 or avx512: instruction set of the packet code\n"
	    "                    (default auto, the best that this processor has)\n"
	    "  --group GROUP     whose members may use datapath.sock, beside root and swd's own "
	    "user\n"
	    "  --vhost-group G, --vhost-owner U\n"
	    "                    group and owner of the sockets that swd makes for vhost-user and "
	    "memif\n"
	    "                    ports without group= and owner=, so that QEMU may use them\n"
	    "  --log-level L     error, warn, info or debug (default info)\n"
	    "  --help            this text\n"
	    "  --version         the version\n",
	    MEM_DEFAULT, OPTIONS_MEM_MIN, MAX_FLOWS_DEFAULT, UPCALL_RATE_DEFAULT, OTHER_PORTS_FROM);
}

// Reads a number at *text and moves past it. false when there is none, or it is above max.
static bool number_scan(const char **text, unsigned max, unsigned *out)
{
	size_t len = strspn(*text, "0123456789");
	if (len == 0 || len > 9)
		return false;
	*out = (unsigned)strtoul(*text, NULL, 10);
	*text += len;
	return *out <= max;
}

static int number_parse(const char *option, const char *text, unsigned min, unsigned max,
			unsigned *out, char *err, size_t err_len)
{
	const char *at = text;
	if (number_scan(&at, max, out) && *at == '\0' && *out >= min)
		return 0;
	snprintf(err, err_len, "--%s %.40s does not do: use a number from %u to %u", option, text,
		 min, max);
	return -EINVAL;
}

static int run_dir_parse(struct options *o, const char *text, char *err, size_t err_len)
{
	int len = snprintf(o->run_dir, sizeof(o->run_dir), "%s", text);
	if (len > 0 && (size_t)len < sizeof(o->run_dir))
		return 0;
	snprintf(err, err_len, "--run-dir \"%.40s\" does not do: name a folder", text);
	return -EINVAL;
}

static void isas_print(char *text, size_t len)
{
	int at = snprintf(text, len, "auto");

	for (enum isa isa = 0; isa < N_ISAS; isa++) {
		if (isa_supported(isa))
			at += snprintf(text + at, len - (size_t)at, ", %s", isa_name(isa));
	}
}

static int isa_parse(struct options *o, const char *text, char *err, size_t err_len)
{
	char isas[64];
	bool known = strcmp(text, "auto") == 0;
	for (enum isa isa = 0; isa < N_ISAS; isa++)
		known |= isa_supported(isa) && strcmp(text, isa_name(isa)) == 0;
	if (known) {
		snprintf(o->isa, sizeof(o->isa), "%s", text);
		return 0;
	}
	isas_print(isas, sizeof(isas));
	snprintf(err, err_len, "--isa %.40s does not do here: use one of %s", text, isas);
	return -EINVAL;
}

static int account_apply(struct options *o, int option, char *err, size_t err_len)
{
	const char *name = option == 'O' ? "vhost-owner" : option == 'G' ? "vhost-group" : "group";
	gid_t *gid = option == 'G' ? &o->vhost_group : &o->group;
	char why[160];
	int rc = option == 'O' ? account_uid(optarg, &o->vhost_owner, why, sizeof(why))
			       : account_gid(optarg, gid, why, sizeof(why));
	if (rc < 0)
		snprintf(err, err_len, "--%s: %s", name, why);
	return rc;
}

static int option_apply(struct options *o, int option, char *err, size_t err_len)
{
	switch (option) {
	case 'r':
		return run_dir_parse(o, optarg, err, err_len);
	case 'c':
		return core_list_parse(optarg, o->pmd_cores, &o->n_pmd_cores, err, err_len);
	case 'm':
		return number_parse("mem", optarg, OPTIONS_MEM_MIN, MEM_MAX, &o->mem_mb, err,
				    err_len);
	case 'f':
		return number_parse("max-flows", optarg, MAX_FLOWS_MIN, MAX_FLOWS_MAX,
				    &o->max_flows, err, err_len);
	case 'C':
		return number_parse("ct-connections", optarg, CT_MIN, CT_MAX, &o->ct_connections,
				    err, err_len);
	case 'u':
		return number_parse("upcall-rate", optarg, 0, UPCALL_RATE_MAX, &o->upcall_rate, err,
				    err_len);
	case 'p':
		return number_parse("other-ports-from", optarg, 1, PORTS_MAX - 1,
				    &o->other_ports_from, err, err_len);
	case 'i':
		return isa_parse(o, optarg, err, err_len);
	case 'l':
		if (log_level_parse(optarg, &o->log_level))
			return 0;
		snprintf(err, err_len,
			 "--log-level %.40s does not do: use error, warn, info or debug", optarg);
		return -EINVAL;
	case 'g':
	case 'G':
	case 'O':
		return account_apply(o, option, err, err_len);
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct option long_options[] = {
    {"run-dir", required_argument, NULL, 'r'},
    {"pmd-cores", required_argument, NULL, 'c'},
    {"mem", required_argument, NULL, 'm'},
    {"max-flows", required_argument, NULL, 'f'},
    {"ct-connections", required_argument, NULL, 'C'},
    {"upcall-rate", required_argument, NULL, 'u'},
    {"other-ports-from", required_argument, NULL, 'p'},
    {"isa", required_argument, NULL, 'i'},
    {"log-level", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {"group", required_argument, NULL, 'g'},
    {"vhost-group", required_argument, NULL, 'G'},
    {"vhost-owner", required_argument, NULL, 'O'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

int options_parse(struct options *o, int argc, char **argv, char *err, size_t err_len)
{
	*o = (struct options){.run_dir = "/run/swd",
			      .group = ACCOUNT_NONE,
			      .vhost_owner = ACCOUNT_NONE,
			      .vhost_group = ACCOUNT_NONE,
			      .mem_mb = MEM_DEFAULT,
			      .max_flows = MAX_FLOWS_DEFAULT,
			      .upcall_rate = UPCALL_RATE_DEFAULT,
			      .other_ports_from = OTHER_PORTS_FROM,
			      .isa = "auto",
			      .log_level = LOG_LEVEL_INFO};
	optind = 0; // for a second call, in tests
	int c;
	while ((c = getopt_long(argc, argv, "+:hV", long_options, NULL)) != -1) {
		if (c == '?' || c == ':') {
			snprintf(
			    err, err_len,
			    c == ':'
				? "option %.60s needs a value: see swd --help"
				: "option %.60s is not known or takes no value: see swd --help",
			    argv[optind - 1]);
			return -EINVAL;
		}
		int rc = option_apply(o, c, err, err_len);
		if (rc < 0)
			return rc;
		if (o->help || o->version)
			return 0;
	}
	if (optind < argc) {
		snprintf(err, err_len, "\"%.60s\" is not an option: see swd --help", argv[optind]);
		return -EINVAL;
	}
	if (o->n_pmd_cores == 0) {
		snprintf(err, err_len,
			 "--pmd-cores is missing: name the cores for the packet threads, as in "
			 "--pmd-cores 1");
		return -EINVAL;
	}
	return 0;
}
