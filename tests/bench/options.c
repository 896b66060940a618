#include "tests/bench/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: bench-gen [OPTION]... PORT PORT [PORT PORT]...\n"
    "       bench-gen [OPTION]... --self-test\n"
    "Plays the guests' side of vhost-user rings. Ports talk in pairs: 1st and 2nd, 3rd and 4th...\n"
    "A port is one of\n"
    "  vhost:PATH         connects to the vhost-user socket on which the switch listens\n"
    "  vhost-listen:PATH  listens on it; the switch connects\n"
    "  tap:NAME           makes the tap NAME in this network namespace\n"
    "  packet:IFNAME      AF_PACKET on the kernel's interface IFNAME\n\n"
    "  --size N|imix|tso  bytes of a frame without FCS, 60 to 9000 (default 64); imix: 7 x 64,\n"
    "                     4 x 570, 1 x 1514; tso: super-frames of 65226 bytes, segments of 1448\n"
    "  --flows N          5-tuples of each direction, 1 to 1000000 (default 1)\n"
    "  --classes M        spread over M destinations, 1 to 250 (default 1)\n"
    "  --order rr|random  of the flows (default rr: one after the other)\n"
    "  --bidir            both ports of a pair send\n"
    "  --rate PPS         frames a second of each sending port (default 0: all that goes)\n"
    "  --seconds S        length of the measured phase (default 3)\n"
    "  --warmup S         before that (default 1)\n"
    "  --prime PPS        first walks all flows once at this rate (default 0: does not)\n"
    "  --latency N        each Nth frame carries a time stamp (default 0: none)\n"
    "  --features LIST    mrg,packed,inorder,event,indirect,csum,tso or none (default mrg)\n"
    "  --ring N           entries of a ring, a power of two, 16 to 32768 (default 1024)\n"
    "  --tx-layout L      one descriptor a frame, two (header, frame), or bytes of a descriptor\n"
    "                     (default one; for tso 16384)\n"
    "  --rx-buffer BYTES  of a receive buffer with its header (default 1600; for tso 4096;\n"
    "                     without mrg what a frame needs)\n"
    "  --touch            reads the first bytes of every received frame\n"
    "  --core C           where to run (default 0)\n"
    "  --timeout S        to connect, and for the first frame (default 10)\n"
    "  --self-test        no switch: a bare loop on the next core takes its place\n"
    "  --help             this text\n\n"
    "Prints a JSON object. Exit status: 0 good, 1 bad frames or none received, 2 setup failed.\n";

static const struct {
	const char *name;
	unsigned feature;
} features[] = {
    {"mrg", FEATURE_MRG},	    {"packed", FEATURE_PACKED}, {"inorder", FEATURE_INORDER},
    {"event", FEATURE_EVENT},	    {"csum", FEATURE_CSUM},	{"tso", FEATURE_TSO},
    {"indirect", FEATURE_INDIRECT},
};
#define N_FEATURES (sizeof(features) / sizeof(features[0]))

__attribute__((format(printf, 1, 2), noreturn)) static void refuse(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("bench-gen: ", stderr);
	vfprintf(stderr, format, args);
	fputs(" (--help tells more)\n", stderr);
	va_end(args);
	exit(2);
}

static uint32_t number(const char *option, const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || n < min || n > max)
		refuse("--%s %s does not do: a number from %u to %u", option, text, min, max);
	return (uint32_t)n;
}

static double decimal(const char *option, const char *text, double max)
{
	char *end;
	double n = strtod(text, &end);
	if (end == text || *end || !(n >= 0 && n <= max))
		refuse("--%s %s does not do: a number from 0 to %g", option, text, max);
	return n;
}

static unsigned features_parse(char *list)
{
	unsigned bits = 0;
	if (strcmp(list, "none") == 0)
		return 0;
	for (char *save, *name = strtok_r(list, ",", &save); name;
	     name = strtok_r(NULL, ",", &save)) {
		unsigned i = 0;
		while (i < N_FEATURES && strcmp(features[i].name, name) != 0)
			i++;
		if (i == N_FEATURES)
			refuse("no feature \"%s\"", name);
		bits |= features[i].feature;
	}
	return bits;
}

void features_format(unsigned bits, char *text, size_t len)
{
	size_t at = 0;
	snprintf(text, len, "none");
	for (unsigned i = 0; i < N_FEATURES && at < len; i++) {
		if (bits & features[i].feature)
			at += (size_t)snprintf(text + at, len - at, "%s%s", at ? "," : "",
					       features[i].name);
	}
}

static void size_parse(struct options *o, const char *text)
{
	o->size = text;
	if (strcmp(text, "imix") == 0) {
		o->frames.kind = FRAMES_IMIX;
	} else if (strcmp(text, "tso") == 0) {
		o->frames.kind = FRAMES_TSO;
	} else {
		o->frames.kind = FRAMES_FIXED;
		o->frames.size = number("size", text, FRAME_MIN, FRAME_MAX);
	}
}

static uint32_t layout_parse(const char *text)
{
	if (strcmp(text, "one") == 0)
		return TX_LAYOUT_ONE;
	if (strcmp(text, "two") == 0)
		return TX_LAYOUT_TWO;
	return number("tx-layout", text, 64, 65536);
}

enum {
	OPT_SIZE = 256,
	OPT_FLOWS,
	OPT_CLASSES,
	OPT_ORDER,
	OPT_BIDIR,
	OPT_RATE,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_PRIME,
	OPT_LATENCY,
	OPT_FEATURES,
	OPT_RING,
	OPT_TX_LAYOUT,
	OPT_RX_BUFFER,
	OPT_TOUCH,
	OPT_CORE,
	OPT_TIMEOUT,
	OPT_SELF_TEST,
	OPT_HELP,
};

static const struct option long_options[] = {
    {"size", required_argument, NULL, OPT_SIZE},
    {"flows", required_argument, NULL, OPT_FLOWS},
    {"classes", required_argument, NULL, OPT_CLASSES},
    {"order", required_argument, NULL, OPT_ORDER},
    {"bidir", no_argument, NULL, OPT_BIDIR},
    {"rate", required_argument, NULL, OPT_RATE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"prime", required_argument, NULL, OPT_PRIME},
    {"latency", required_argument, NULL, OPT_LATENCY},
    {"features", required_argument, NULL, OPT_FEATURES},
    {"ring", required_argument, NULL, OPT_RING},
    {"tx-layout", required_argument, NULL, OPT_TX_LAYOUT},
    {"rx-buffer", required_argument, NULL, OPT_RX_BUFFER},
    {"touch", no_argument, NULL, OPT_TOUCH},
    {"core", required_argument, NULL, OPT_CORE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"self-test", no_argument, NULL, OPT_SELF_TEST},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void traffic_option(struct options *o, int option, const char *arg)
{
	switch (option) {
	case OPT_SIZE:
		size_parse(o, arg);
		break;
	case OPT_FLOWS:
		o->frames.n_flows = number("flows", arg, 1, FLOWS_MAX);
		break;
	case OPT_CLASSES:
		o->frames.n_classes = number("classes", arg, 1, CLASSES_MAX);
		break;
	case OPT_ORDER:
		o->random = strcmp(arg, "random") == 0;
		if (!o->random && strcmp(arg, "rr") != 0)
			refuse("--order %s does not do: rr or random", arg);
		break;
	case OPT_BIDIR:
		o->bidir = true;
		break;
	case OPT_RATE:
		o->rate_pps = decimal("rate", arg, 1e9);
		break;
	case OPT_SECONDS:
		o->seconds = decimal("seconds", arg, 86400);
		break;
	case OPT_WARMUP:
		o->warmup_s = decimal("warmup", arg, 3600);
		break;
	case OPT_PRIME:
		o->prime_pps = decimal("prime", arg, 1e9);
		break;
	case OPT_LATENCY:
		o->latency_every = number("latency", arg, 0, 1u << 30);
		break;
	default:
		break;
	}
}

static void port_option(struct options *o, int option, char *arg)
{
	switch (option) {
	case OPT_FEATURES:
		o->port.features = features_parse(arg);
		break;
	case OPT_RING:
		o->port.ring = number("ring", arg, 16, 32768);
		if (o->port.ring & (o->port.ring - 1))
			refuse("--ring %s does not do: a power of two", arg);
		break;
	case OPT_TX_LAYOUT:
		o->port.tx_layout = layout_parse(arg);
		break;
	case OPT_RX_BUFFER:
		o->port.rx_buffer = number("rx-buffer", arg, 128, 65536);
		break;
	case OPT_TOUCH:
		o->touch = true;
		break;
	case OPT_CORE:
		o->core = number("core", arg, 0, 1023);
		break;
	case OPT_TIMEOUT:
		o->port.timeout_s = decimal("timeout", arg, 3600);
		break;
	case OPT_SELF_TEST:
		o->self_test = true;
		break;
	default:
		break;
	}
}

// What was not given depends on what was.
static void defaults_set(struct options *o)
{
	bool tso = o->frames.kind == FRAMES_TSO;
	if (tso)
		o->port.features |= FEATURE_MRG | FEATURE_CSUM | FEATURE_TSO;
	if (o->port.tx_layout == UINT32_MAX)
		o->port.tx_layout = tso ? 16384 : TX_LAYOUT_ONE;
	if (o->port.rx_buffer != 0)
		return;
	uint32_t need = VNET_HDR_LEN + frame_spec_max(&o->frames);
	o->port.rx_buffer = tso ? 4096 : 1600;
	if (!(o->port.features & FEATURE_MRG) && need > o->port.rx_buffer)
		o->port.rx_buffer = need;
}

void options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){
	    .port = {.features = FEATURE_MRG,
		     .ring = 1024,
		     .tx_layout = UINT32_MAX,
		     .timeout_s = 10},
	    .frames = {.kind = FRAMES_FIXED, .size = 64, .n_flows = 1, .n_classes = 1},
	    .size = "64",
	    .seconds = 3,
	    .warmup_s = 1};
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			refuse("%s does not do", argv[optind - 1]);
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			exit(0);
		}
		traffic_option(o, option, optarg);
		port_option(o, option, optarg);
	}
	for (; optind < argc; optind++) {
		if (o->n_ports == PORTS_MAX)
			refuse("more than %d ports", PORTS_MAX);
		o->ports[o->n_ports++] = argv[optind];
	}
	o->port.latency = o->latency_every > 0;
	defaults_set(o);
	if (o->self_test && o->n_ports == 0) {
		o->ports[o->n_ports++] = "bare:a";
		o->ports[o->n_ports++] = "bare:b";
		if (o->port.features & FEATURE_PACKED || o->port.tx_layout != TX_LAYOUT_ONE)
			refuse("--self-test has split rings and whole frames only");
	} else if (o->self_test || o->n_ports == 0 || o->n_ports % 2 != 0) {
		refuse("ports come in pairs, and --self-test has none");
	}
}
