#include "ctl/swctl/capture.h"

#include "ctl/swctl/lines.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct capture {
	pcap_t *pcap;
	const char *name;
};

static pcap_t *read_header(const char *path, const char *name, char *err, size_t err_len)
{
	char why[PCAP_ERRBUF_SIZE];
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!in) {
		snprintf(err, err_len, "cannot open %s: %s", name, strerror(errno));
		return NULL;
	}
	pcap_t *pcap = pcap_fopen_offline(in, why);
	if (pcap)
		return pcap;
	snprintf(err, err_len, "%s: not a pcap or pcapng file: %s", name, why);
	if (in != stdin)
		fclose(in);
	return NULL;
}

struct capture *capture_open(const char *path, char *err, size_t err_len)
{
	const char *name = swctl_lines_name(path);
	struct capture *c = malloc(sizeof(*c));
	if (!c) {
		snprintf(err, err_len, "%s: out of memory", name);
		return NULL;
	}
	*c = (struct capture){.pcap = read_header(path, name, err, err_len), .name = name};
	if (c->pcap && pcap_datalink(c->pcap) == DLT_EN10MB)
		return c;
	if (c->pcap) {
		const char *type = pcap_datalink_val_to_name(pcap_datalink(c->pcap));
		snprintf(err, err_len, "%s: holds %s packets; capture Ethernet frames", name,
			 type ? type : "other");
		pcap_close(c->pcap);
	}
	free(c);
	return NULL;
}

void capture_close(struct capture *c)
{
	pcap_close(c->pcap);
	free(c);
}

int capture_next(struct capture *c, struct capture_frame *frame, char *err, size_t err_len)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int ret = pcap_next_ex(c->pcap, &header, &bytes);
	if (ret == 1) {
		*frame = (struct capture_frame){bytes, header->caplen, header->len};
		return 1;
	}
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	snprintf(err, err_len, "%s: damaged: %s", c->name, pcap_geterr(c->pcap));
	return -EINVAL;
}
