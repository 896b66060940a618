// Ports: list-ports, stats, drops.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

#include <stdlib.h>
#include <string.h>

int print_port_added(const json_t *result, FILE *out)
{
	fprintf(out, "port %s has number %lld\n", field_text(result, "name"),
		field_count(result, "number"));
	if (json_is_true(json_object_get(result, "away")))
		fputs("swd is away: it will check the port's options when it is there\n", out);
	return 0;
}

// Says something only when rules or groups are left without their port.
int print_port_removed(const json_t *result, FILE *out)
{
	static const char *const nouns[] = {"rules", "groups"};
	const char *name = field_text(result, "name");
	for (unsigned i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
		if (field_count(result, nouns[i]) > 0)
			fprintf(out,
				"%s that name port %s, by its number %lld: %lld; they stay, and "
				"drop what they send it until a port %s is there again\n",
				nouns[i], name, field_count(result, "number"),
				field_count(result, nouns[i]), name);
	}
	return 0;
}

// VLAN ids in order, as "10,20,30-39".
static void print_ranges(const json_t *vlans, FILE *out)
{
	const char *between = "";
	for (size_t i = 0; i < json_array_size(vlans); i++) {
		json_int_t first = json_integer_value(json_array_get(vlans, i)), last = first;
		while (json_integer_value(json_array_get(vlans, i + 1)) == last + 1) {
			last++;
			i++;
		}
		fprintf(out, "%s%lld", between, (long long)first);
		if (last > first)
			fprintf(out, "-%lld", (long long)last);
		between = ",";
	}
}

static void print_vlans(const json_t *port, FILE *out)
{
	const json_t *trunks = json_object_get(port, "trunks");
	if (field_present(port, "tag"))
		fprintf(out, "tag %lld", field_count(port, "tag"));
	if (!trunks)
		return;
	fputs("trunks ", out);
	print_ranges(trunks, out);
}

static void print_options(const json_t *port, FILE *out)
{
	const char *key, *between = "";
	json_t *value;
	json_object_foreach (json_object_get(port, "options"), key, value) {
		if (strcmp(key, "tag") == 0 || strcmp(key, "trunks") == 0)
			continue; // in a column of their own
		fprintf(out, "%s%s=%s", between, key,
			json_is_string(value) ? json_string_value(value) : "?");
		between = " ";
	}
}

// A cell of text that a function prints.
static void put_printed(struct text_table *table, const json_t *port,
			void (*print)(const json_t *port, FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return text_table_put(table, "?");
	print(port, out);
	if (fclose(out) == 0)
		text_table_put(table, "%s", text);
	free(text);
}

static void put_port(struct text_table *table, const json_t *port)
{
	struct field_buf mtu;
	text_table_put(table, "%lld", field_count(port, "number"));
	text_table_put(table, "%s", field_text(port, "name"));
	text_table_put(table, "%s", field_text(port, "kind"));
	text_table_put(table, "%s", field_text(port, "link"));
	text_table_put(table, "%lld/%lld", field_count(port, "rx_queues"),
		       field_count(port, "tx_queues"));
	text_table_put(table, "%s", field_number(port, "mtu", &mtu));
	text_table_put(table, "%s", field_text(port, "mac"));
	put_printed(table, port, print_vlans);
	put_printed(table, port, print_options);
}

// Why links are not up. Unknown they are together, while swd is away: told once.
static void print_reasons(const json_t *ports, FILE *out)
{
	size_t i;
	const json_t *port;
	bool told = false;
	json_array_foreach (ports, i, port) {
		const char *reason = field_text(port, "reason"), *link = field_text(port, "link");
		bool unknown = strcmp(link, "unknown") == 0;
		if (!*reason || (unknown && told))
			continue;
		fprintf(out, "%s is %s: %s\n", unknown ? "link" : field_text(port, "name"), link,
			reason);
		told = unknown;
	}
}

int print_ports(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"PORT", TEXT_RIGHT}, {"NAME", TEXT_LEFT},	   {"TYPE", TEXT_LEFT},
	    {"LINK", TEXT_LEFT},  {"RXQ/TXQ", TEXT_RIGHT}, {"MTU", TEXT_RIGHT},
	    {"MAC", TEXT_LEFT},	  {"VLANS", TEXT_LEFT},	   {"OPTIONS", TEXT_LEFT},
	};
	const json_t *port, *ports = json_object_get(result, "ports");
	if (json_array_size(ports) == 0) {
		fputs("no ports; `swctl add-port` makes one\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 9);
	size_t i;
	json_array_foreach (ports, i, port) {
		put_port(table, port);
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	print_reasons(ports, out);
	return ret;
}

int print_stats(const json_t *result, FILE *out)
{
	static const char *const counters[] = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes",
					       "dropped"};
	static const struct text_column columns[] = {
	    {"PORT", TEXT_RIGHT},     {"NAME", TEXT_LEFT},	  {"RX PACKETS", TEXT_RIGHT},
	    {"RX BYTES", TEXT_RIGHT}, {"TX PACKETS", TEXT_RIGHT}, {"TX BYTES", TEXT_RIGHT},
	    {"DROPPED", TEXT_RIGHT},
	};
	const json_t *port, *ports = json_object_get(result, "ports");
	if (json_array_size(ports) == 0) {
		fputs("no ports\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 7);
	size_t i;
	json_array_foreach (ports, i, port) {
		text_table_put(table, "%lld", field_count(port, "number"));
		text_table_put(table, "%s", field_text(port, "name"));
		for (unsigned c = 0; c < sizeof(counters) / sizeof(counters[0]); c++)
			text_table_put(table, "%lld", field_count(port, counters[c]));
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}

int print_drops(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"PORT", TEXT_LEFT},
	    {"PACKETS", TEXT_RIGHT},
	    {"REASON", TEXT_LEFT},
	    {"MEANING", TEXT_LEFT},
	};
	const json_t *drop, *drops = json_object_get(result, "drops");
	if (json_array_size(drops) == 0) {
		fputs("no packet was dropped\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 4);
	size_t i;
	json_array_foreach (drops, i, drop) {
		text_table_put(table, "%s", field_text(drop, "port"));
		text_table_put(table, "%lld", field_count(drop, "packets"));
		text_table_put(table, "%s", field_text(drop, "reason"));
		text_table_put(table, "%s", field_text(drop, "text"));
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}
