#include "tests/bench/report.h"

#include <inttypes.h>
#include <string.h>

struct sums {
	uint64_t sent;
	uint64_t received;
	uint64_t bad_length;
	uint64_t bad_content;
	uint64_t foreign;
	uint64_t sampled;
	double pps;
	double gbps;
	struct histogram latency;
};

static double ns(const struct run *run, uint64_t ticks)
{
	return (double)ticks * 1e9 / run->tsc_hz;
}

static void latency_write(const struct run *run, FILE *out, const struct histogram *h)
{
	if (h->n == 0) {
		fprintf(out, "\"latency_ns\": null");
		return;
	}
	fprintf(out,
		"\"latency_ns\": {\"min\": %.0f, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, "
		"\"max\": %.0f, \"mean\": %.0f, \"samples\": %" PRIu64 "}",
		ns(run, h->min), ns(run, histogram_quantile(h, 0.5)),
		ns(run, histogram_quantile(h, 0.99)), ns(run, histogram_quantile(h, 0.999)),
		ns(run, h->max), ns(run, h->sum / h->n), h->n);
}

static void sums_write(const struct run *run, FILE *out, const struct sums *s)
{
	fprintf(out,
		"\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"lost\": %" PRId64
		", \"seconds\": %.6f, \"pps\": %.0f, \"gbps\": %.4f, \"bad_length\": %" PRIu64
		", \"bad_content\": %" PRIu64 ", \"foreign\": %" PRIu64 ", \"sampled\": %" PRIu64
		", ",
		s->sent, s->received, (int64_t)(s->sent - s->received), run->seconds, s->pps,
		s->gbps, s->bad_length, s->bad_content, s->foreign, s->sampled);
	latency_write(run, out, &s->latency);
}

// Of the direction that port i receives.
static struct sums sums_of(const struct run *run, unsigned i)
{
	const struct checker *c = &run->ports[i].check;
	return (struct sums){
	    .sent = run->ports[i ^ 1].counts.sent,
	    .received = c->received,
	    .bad_length = c->bad_length,
	    .bad_content = c->bad_content,
	    .foreign = c->foreign,
	    .sampled = c->sampled,
	    .pps = (double)run->windows[i].received / run->seconds,
	    .gbps = (double)run->windows[i].bytes * 8e-9 / run->seconds,
	    .latency = c->latency,
	};
}

static void sums_add(struct sums *into, const struct sums *s)
{
	into->sent += s->sent;
	into->received += s->received;
	into->bad_length += s->bad_length;
	into->bad_content += s->bad_content;
	into->foreign += s->foreign;
	into->sampled += s->sampled;
	into->pps += s->pps;
	into->gbps += s->gbps;
	histogram_merge(&into->latency, &s->latency);
}

static void params_write(const struct run *run, FILE *out)
{
	const struct options *o = &run->o;
	char features[80], layout[16];
	bool huge = true;
	features_format(o->port.features, features, sizeof(features));
	snprintf(layout, sizeof(layout), "%u", o->port.tx_layout);
	if (o->port.tx_layout <= TX_LAYOUT_TWO)
		snprintf(layout, sizeof(layout), "%s",
			 o->port.tx_layout == TX_LAYOUT_ONE ? "one" : "two");
	fprintf(
	    out,
	    "{\"params\": {\"size\": \"%s\", \"flows\": %u, \"classes\": %u, \"order\": \"%s\", "
	    "\"bidir\": %s, \"rate\": %.0f, \"seconds\": %g, \"warmup\": %g, \"prime\": %.0f, "
	    "\"latency\": %u, \"features\": \"%s\", \"ring\": %u, \"tx_layout\": \"%s\", "
	    "\"rx_buffer\": %u, \"touch\": %s, \"core\": %u, \"self_test\": %s, \"ports\": [",
	    o->size, o->frames.n_flows, o->frames.n_classes, o->random ? "random" : "rr",
	    o->bidir ? "true" : "false", o->rate_pps, o->seconds, o->warmup_s, o->prime_pps,
	    o->latency_every, features, o->port.ring, layout, o->port.rx_buffer,
	    o->touch ? "true" : "false", o->core, o->self_test ? "true" : "false");
	for (unsigned i = 0; i < run->n_ports; i++) {
		fprintf(out, "%s\"%s\"", i ? ", " : "", o->ports[i]);
		huge = huge && run->ports[i].mem.huge;
	}
	fprintf(out, "], \"hugepages\": %s, \"tsc_hz\": %.0f}", huge ? "true" : "false",
		run->tsc_hz);
}

static void generator_write(const struct run *run, FILE *out)
{
	struct port_counts sum = {0};
	uint64_t late = 0;
	for (unsigned i = 0; i < run->n_ports; i++) {
		const struct port_counts *c = &run->counts[i];
		sum.refills += c->refills;
		sum.starved += c->starved;
		sum.rx_polls += c->rx_polls;
		sum.rx_full += c->rx_full;
		sum.kicks += c->kicks;
		late += run->late[i];
	}
	fprintf(out,
		"\"generator\": {\"idle_share\": %.4f, \"polls\": %" PRIu64
		", \"tx_refills\": %" PRIu64 ", \"tx_starved\": %" PRIu64 ", \"rx_polls\": %" PRIu64
		", \"rx_full\": %" PRIu64 ", \"kicks\": %" PRIu64 ", \"late\": %" PRIu64
		", \"preempted\": %ld, \"system_s\": %.6f}",
		run->polls ? (double)run->idle_polls / (double)run->polls : 0, run->polls,
		sum.refills, sum.starved, sum.rx_polls, sum.rx_full, sum.kicks, late,
		run->preempted, run->system_s);
}

bool report_write(const struct run *run, FILE *out, FILE *people)
{
	struct sums total = {.latency.min = UINT64_MAX};
	const char *comma = "";
	params_write(run, out);
	fprintf(out,
		", \"prime\": {\"sent\": %" PRIu64 ", \"received\": %" PRIu64
		", \"seconds\": %.6f}, ",
		run->primed_sent, run->primed_received, run->primed_s);
	fprintf(out, "\"directions\": [");
	for (unsigned i = 0; i < run->n_ports; i++) {
		if (!run_sends(run, i))
			continue;
		struct sums s = sums_of(run, i ^ 1);
		fprintf(out, "%s{\"from\": %u, \"to\": %u, ", comma, i, i ^ 1);
		sums_write(run, out, &s);
		fprintf(out, "}");
		sums_add(&total, &s);
		comma = ", ";
	}
	bool ok = total.received > 0 && total.bad_length == 0 && total.bad_content == 0;
	fprintf(out, "], \"total\": {");
	sums_write(run, out, &total);
	fprintf(out, "}, ");
	generator_write(run, out);
	fprintf(out, ", \"ok\": %s}\n", ok ? "true" : "false");
	fprintf(people,
		"bench-gen: %.3f Mpps, %.2f Gb/s, %" PRId64 " of %" PRIu64 " lost, %" PRIu64
		" bad, generator idle in %.0f %% of its polls\n",
		total.pps * 1e-6, total.gbps, (int64_t)(total.sent - total.received), total.sent,
		total.bad_length + total.bad_content,
		run->polls ? 100.0 * (double)run->idle_polls / (double)run->polls : 0);
	return ok;
}
