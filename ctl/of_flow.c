#include "ctl/of_flow.h"

#include "ctl/of_line.h"
#include "ctl/of_print.h"

#include <stdlib.h>
#include <string.h>

int of_flow_parse(struct of_flow *flow, enum of_flow_form form, const char *line,
		  const struct of_ports *ports, struct of_error *error)
{
	struct of_line l;
	struct of_word at;
	const char *actions;
	l.line = line;
	l.kind = form == OF_FLOW_ADD ? OF_LINE_ADD : OF_LINE_MODIFY;
	l.error = error;
	l.ports = ports;
	l.flow = flow;
	l.filter = NULL;
	l.seen = 0;
	memset(flow, 0, offsetof(struct of_flow, ranges));
	flow->priority = OF_PRIORITY_DEFAULT;
	of_match_reader_init(&l.match, &flow->match, line, ports, error);
	l.match.ranges = flow->ranges;
	int err = of_line_read(&l, &actions, &at);
	if (err)
		return err;
	flow->n_ranges = l.match.n_ranges;
	if (!actions)
		return of_error_set(
		    error, line, line + strlen(line), 0,
		    "actions= is missing, like actions=output:PORT or actions=drop");
	return of_actions_parse(&flow->actions, line, actions, &flow->match, flow->table, ports,
				error);
}

void of_flow_fini(struct of_flow *flow)
{
	free(flow->actions);
	flow->actions = NULL;
}

static const struct {
	uint8_t flag;
	const char *word;
} flag_words[] = {
    {OF_FLOW_SEND_FLOW_REM, "send_flow_rem "},	 {OF_FLOW_CHECK_OVERLAP, "check_overlap "},
    {OF_FLOW_RESET_COUNTS, "reset_counts "},	 {OF_FLOW_NO_PACKET_COUNTS, "no_packet_counts "},
    {OF_FLOW_NO_BYTE_COUNTS, "no_byte_counts "},
};

static void print_number(struct of_out *out, const char *name, uint64_t value)
{
	if (!value)
		return;
	of_out_text(out, name);
	of_out_dec(out, value);
	of_out_text(out, ", ");
}

static void print_flow(struct of_out *out, const struct of_flow_view *flow,
		       const struct of_ports *ports)
{
	if (flow->cookie) {
		of_out_text(out, "cookie=");
		of_out_0x(out, flow->cookie);
		of_out_text(out, ", ");
	}
	print_number(out, "table=", flow->table);
	print_number(out, "idle_timeout=", flow->idle_timeout_s);
	print_number(out, "hard_timeout=", flow->hard_timeout_s);
	for (unsigned i = 0; flow->flags && i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
		if (flow->flags & flag_words[i].flag)
			of_out_text(out, flag_words[i].word);
	}
	print_number(out, "importance=", flow->importance);
	size_t start = out->len;
	if (flow->priority != OF_PRIORITY_DEFAULT) {
		of_out_text(out, "priority=");
		of_out_dec(out, flow->priority);
		of_out_char(out, ',');
	}
	of_out_match(out, flow->match, ports);
	if (out->len > start) {
		of_out_chomp(out, ',');
		of_out_char(out, ' ');
	}
	of_out_text(out, "actions=");
	of_out_actions(out, flow->actions, ports);
}

void of_flow_print(FILE *file, const struct of_flow_view *flow, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	print_flow(&out, flow, ports);
	of_out_write(&out, file);
}

char *of_flow_format(const struct of_flow_view *flow, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	print_flow(&out, flow, ports);
	return of_out_take(&out);
}
