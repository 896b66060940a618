#include "tests/bench/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_GIVEN UINT32_MAX

static const char usage_head[] =
    "Usage: bench-gen [OPTION]... PORT PORT [PORT PORT]...\n"
    "       bench-gen [OPTION]... --self-test\n"
    "Plays the guests' side of vhost-user rings. Ports talk in pairs: 1st and 2nd, 3rd and 4th...\n"
    "A port is one of\n"
    "  vhost:PATH         connects to the vhost-user socket on which the switch listens\n"
    "  vhost-listen:PATH  listens on it; the switch connects\n"
    "  tap:NAME           makes the tap NAME in this network namespace\n"
    "  packet:IFNAME      AF_PACKET on the kernel's interface IFNAME\n\n";

static const char usage_tail[] =
    "\nPrints a JSON object. Exit status: 0 good, 1 bad frames or none received, 2 setup failed.\n";

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

static void features_parse(struct options *o, char *list)
{
	o->port.features = 0;
	if (strcmp(list, "none") == 0)
		return;
	for (char *save, *name = strtok_r(list, ",", &save); name;
	     name = strtok_r(NULL, ",", &save)) {
		unsigned i = 0;
		while (i < N_FEATURES && strcmp(features[i].name, name) != 0)
			i++;
		if (i == N_FEATURES)
			refuse("no feature \"%s\"", name);
		o->port.features |= features[i].feature;
	}
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

static void size_parse(struct options *o, char *text)
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

static void order_parse(struct options *o, char *text)
{
	o->random = strcmp(text, "random") == 0;
	if (!o->random && strcmp(text, "rr") != 0)
		refuse("--order %s does not do: rr or random", text);
}

static void layout_parse(struct options *o, char *text)
{
	if (strcmp(text, "one") == 0)
		o->port.tx_layout = TX_LAYOUT_ONE;
	else if (strcmp(text, "two") == 0)
		o->port.tx_layout = TX_LAYOUT_TWO;
	else
		o->port.tx_layout = number("tx-layout", text, 64, 65536);
}

static void ring_parse(struct options *o, char *text)
{
	o->port.ring = number("ring", text, 16, 32768);
	if (o->port.ring & (o->port.ring - 1))
		refuse("--ring %s does not do: a power of two", text);
}

// One row an option. What it sets is a bool, a uint32_t from min to max, or a double from 0 to max;
// or a function does it.
enum kind { FLAG, NUMBER, DECIMAL, OTHER, HELP };

#define AT(field) offsetof(struct options, field)

static const struct row {
	const char *name;
	const char *arg;
	const char *help;
	enum kind kind;
	size_t offset;
	double min;
	double max;
	void (*parse)(struct options *o, char *text);
} rows[] = {
    {"size", "N|imix|tso",
     "bytes of a frame without FCS, 60 to 9000 (default 64); imix: 7 x 64,\n"
     "4 x 570, 1 x 1514; tso: super-frames of 65226 bytes, segments of 1448",
     OTHER, .parse = size_parse},
    {"flows", "N", "5-tuples of each direction, 1 to 1000000 (default 1)", NUMBER,
     AT(frames.n_flows), 1, FLOWS_MAX, NULL},
    {"classes", "M", "spread over M destinations, 1 to 250 (default 1)", NUMBER,
     AT(frames.n_classes), 1, CLASSES_MAX, NULL},
    {"order", "rr|random", "of the flows (default rr: one after the other)", OTHER,
     .parse = order_parse},
    {"bidir", NULL, "both ports of a pair send", FLAG, AT(bidir), 0, 0, NULL},
    {"rate", "PPS", "frames a second of each sending port (default 0: all that goes)", DECIMAL,
     AT(rate_pps), 0, 1e9, NULL},
    {"seconds", "S", "length of the measured phase (default 3)", DECIMAL, AT(seconds), 0, 86400,
     NULL},
    {"warmup", "S", "before that (default 1)", DECIMAL, AT(warmup_s), 0, 3600, NULL},
    {"prime", "PPS", "first walks all flows once at this rate (default 0: does not)", DECIMAL,
     AT(prime_pps), 0, 1e9, NULL},
    {"interval", "S", "prints what each port sent and received every S seconds (default 0: never)",
     DECIMAL, AT(interval_s), 0, 3600, NULL},
    {"relax", "US", "sleeps so long while it has nothing to do (default 0: polls without end)",
     NUMBER, AT(relax_us), 0, 100000, NULL},
    {"latency", "N", "each Nth frame carries a time stamp (default 0: none)", NUMBER,
     AT(latency_every), 0, 1u << 30, NULL},
    {"features", "LIST", "mrg,packed,inorder,event,indirect,csum,tso or none (default mrg)", OTHER,
     .parse = features_parse},
    {"ring", "N", "entries of a ring, a power of two, 16 to 32768 (default 1024)", OTHER,
     .parse = ring_parse},
    {"tx-layout", "L",
     "one descriptor a frame, two (header, frame), or bytes of a descriptor\n"
     "(default one; for tso 16384)",
     OTHER, .parse = layout_parse},
    {"rx-buffer", "BYTES",
     "of a receive buffer with its header (default 1600; for tso 4096;\n"
     "without mrg what a frame needs)",
     NUMBER, AT(port.rx_buffer), 128, 65536, NULL},
    {"touch", NULL, "reads the first bytes of every received frame, as a guest would", FLAG,
     AT(touch), 0, 0, NULL},
    {"core", "C", "where to run (default 0)", NUMBER, AT(core), 0, 1023, NULL},
    {"timeout", "S", "to connect, and for the first frame (default 10)", DECIMAL,
     AT(port.timeout_s), 0, 3600, NULL},
    {"self-test", NULL, "no switch: a bare loop on the next core takes its place", FLAG,
     AT(self_test), 0, 0, NULL},
    {"help", NULL, "this text", HELP, 0, 0, 0, NULL},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void usage(void)
{
	fputs(usage_head, stdout);
	for (unsigned i = 0; i < N_ROWS; i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].arg ?: "");
		printf("  %-19s", left);
		for (const char *at = rows[i].help; *at; at++) {
			putchar(*at);
			if (*at == '\n')
				printf("%21s", "");
		}
		putchar('\n');
	}
	fputs(usage_tail, stdout);
}

static void row_apply(struct options *o, const struct row *row, char *text)
{
	void *field = (char *)o + row->offset;
	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		break;
	case NUMBER:
		*(uint32_t *)field =
		    number(row->name, text, (uint32_t)row->min, (uint32_t)row->max);
		break;
	case DECIMAL:
		*(double *)field = decimal(row->name, text, row->max);
		break;
	case OTHER:
		row->parse(o, text);
		break;
	case HELP:
		usage();
		exit(0);
	}
}

// What was not given depends on what was.
static void defaults_set(struct options *o)
{
	bool tso = o->frames.kind == FRAMES_TSO;
	o->port.latency = o->latency_every > 0;
	if (tso)
		o->port.features |= FEATURE_MRG | FEATURE_CSUM | FEATURE_TSO;
	if (o->port.tx_layout == NOT_GIVEN)
		o->port.tx_layout = tso ? 16384 : TX_LAYOUT_ONE;
	if (o->port.rx_buffer != NOT_GIVEN)
		return;
	uint32_t need = VNET_HDR_LEN + frame_spec_max(&o->frames);
	o->port.rx_buffer = tso ? 4096 : 1600;
	if (!(o->port.features & FEATURE_MRG) && need > o->port.rx_buffer)
		o->port.rx_buffer = need;
}

static void ports_check(struct options *o)
{
	if (!o->self_test) {
		if (o->n_ports == 0 || o->n_ports % 2 != 0)
			refuse("ports come in pairs");
		return;
	}
	if (o->n_ports > 0)
		refuse("--self-test has no ports");
	if (o->port.features & FEATURE_PACKED || o->port.tx_layout != TX_LAYOUT_ONE)
		refuse("--self-test has split rings and whole frames only");
	o->ports[o->n_ports++] = "bare:a";
	o->ports[o->n_ports++] = "bare:b";
}

void options_parse(struct options *o, int argc, char **argv)
{
	struct option known[N_ROWS + 1] = {0};
	int index;
	*o = (struct options){
	    .port = {.features = FEATURE_MRG,
		     .ring = 1024,
		     .tx_layout = NOT_GIVEN,
		     .rx_buffer = NOT_GIVEN,
		     .timeout_s = 10},
	    .frames = {.kind = FRAMES_FIXED, .size = 64, .n_flows = 1, .n_classes = 1},
	    .size = "64",
	    .seconds = 3,
	    .warmup_s = 1};
	for (unsigned i = 0; i < N_ROWS; i++) {
		known[i].name = rows[i].name;
		known[i].has_arg = rows[i].arg ? required_argument : no_argument;
	}
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", known, &index)) != -1;) {
		if (c == '?')
			refuse("%s does not do", argv[optind - 1]);
		row_apply(o, &rows[index], optarg);
	}
	for (; optind < argc; optind++) {
		if (o->n_ports == PORTS_MAX)
			refuse("more than %d ports", PORTS_MAX);
		o->ports[o->n_ports++] = argv[optind];
	}
	defaults_set(o);
	ports_check(o);
}
