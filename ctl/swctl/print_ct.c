#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

#include <string.h>

// "10.0.0.1:80", "[fc00::1]:80", "10.0.0.1".
static void put_end(struct text_table *table, const json_t *tuple, const char *address,
		    const char *port)
{
	const char *text = field_text(tuple, address);
	bool brackets = strchr(text, ':') != NULL;
	if (!json_object_get(tuple, port))
		text_table_put(table, "%s", text);
	else
		text_table_put(table, brackets ? "[%s]:%lld" : "%s:%lld", text,
			       field_count(tuple, port));
}

static void put_tuple(struct text_table *table, const json_t *tuple)
{
	put_end(table, tuple, "src", "src_port");
	put_end(table, tuple, "dst", "dst_port");
}

// TCP's states of both sides; ICMP's identifier.
static void put_state(struct text_table *table, const json_t *conn)
{
	const json_t *orig = json_object_get(conn, "orig");
	const char *state = field_text(conn, "state"), *reply = field_text(conn, "reply_state");
	if (json_object_get(orig, "id"))
		text_table_put(table, "id %lld", field_count(orig, "id"));
	else if (strcmp(state, reply) == 0)
		text_table_put(table, "%s", state);
	else
		text_table_put(table, "%s/%s", state, reply);
}

// Nothing of what no rule has set.
static void put_value(struct text_table *table, const json_t *conn, const char *name)
{
	const char *text = field_text(conn, name);
	text_table_put(table, "%s", strcmp(text, "0x0") == 0 ? "" : text);
}

int print_connections(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"PROTO", TEXT_LEFT}, {"ZONE", TEXT_RIGHT},	     {"FROM", TEXT_LEFT},
	    {"TO", TEXT_LEFT},	  {"REPLY FROM", TEXT_LEFT}, {"REPLY TO", TEXT_LEFT},
	    {"STATE", TEXT_LEFT}, {"MARK", TEXT_LEFT},	     {"LABEL", TEXT_LEFT},
	    {"ALG", TEXT_LEFT},	  {"EXPIRES", TEXT_RIGHT},
	};
	const json_t *conn, *list = json_object_get(result, "connections");
	if (json_array_size(list) == 0) {
		fputs("no connection is tracked\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;
	json_array_foreach (list, i, conn) {
		text_table_put(table, "%s", field_text(conn, "protocol"));
		text_table_put(table, "%lld", field_count(conn, "zone"));
		put_tuple(table, json_object_get(conn, "orig"));
		put_tuple(table, json_object_get(conn, "reply"));
		put_state(table, conn);
		put_value(table, conn, "mark");
		put_value(table, conn, "label");
		text_table_put(table, "%s", field_text(conn, "alg"));
		text_table_put(table, "%lld s", field_count(conn, "timeout_s"));
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}

int print_ct_stats(const json_t *result, FILE *out)
{
	fprintf(out, "connections  %lld of %lld at most, %lld KiB\n",
		field_count(result, "connections"), field_count(result, "max_connections"),
		field_count(result, "memory_bytes") / 1024);
	fprintf(out, "swd in all   %lld opened; %lld packets, of these %lld invalid\n",
		field_count(result, "opened"), field_count(result, "packets"),
		field_count(result, "invalid"));
	return 0;
}
