#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

#include <string.h>

static void put_cycles(struct text_table *table, double cycles, double packets)
{
	if (packets > 0)
		text_table_put(table, "%.0f", cycles / packets);
	else
		text_table_put(table, "%s", "");
}

static void put_pmd(struct text_table *table, const json_t *pmd)
{
	struct field_buf buf;
	double cached = field_real(pmd, "repeats") + field_real(pmd, "emc_hits") +
			field_real(pmd, "signature_hits");
	double walked = field_real(pmd, "megaflow_hits");
	double lookups = cached + walked + field_real(pmd, "misses");
	text_table_put(table, "%lld", field_count(pmd, "core"));
	text_table_put(table, "%lld", field_count(pmd, "numa"));
	text_table_put(table, "%.1f %%", field_real(pmd, "busy_percent"));
	text_table_put(table, "%lld", field_count(pmd, "rx_packets"));
	text_table_put(table, "%s",
		       field_ratio(field_real(pmd, "rx_packets"), field_real(pmd, "rx_bursts"),
				   &buf));
	put_cycles(table, field_real(pmd, "busy_cycles"), field_real(pmd, "rx_packets"));
	text_table_put(table, "%s", field_percent(cached, lookups, &buf));
	text_table_put(table, "%s", field_percent(walked, lookups, &buf));
	text_table_put(table, "%lld", field_count(pmd, "misses"));
	text_table_put(table, "%s",
		       field_ratio(field_real(pmd, "masks_tried"), lookups - cached, &buf));
	text_table_put(table, "%lld", field_count(pmd, "recirculations"));
}

static void put_notes(struct text_table *table, const json_t *queue)
{
	static const char *const notes[][2] = {{"pinned", "pinned"},
					       {"crosses", "on another NUMA node"},
					       {"foreign", "of another control daemon"}};
	char text[80] = "";
	for (unsigned i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		size_t used = strlen(text);
		if (json_is_true(json_object_get(queue, notes[i][0])))
			snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
				 notes[i][1]);
	}
	text_table_put(table, "%s", text);
}

static int print_queues(const json_t *pmds, FILE *out)
{
	static const struct text_column columns[] = {
	    {"CORE", TEXT_RIGHT},	    {"PORT", TEXT_LEFT},
	    {"QUEUE", TEXT_RIGHT},	    {"LOAD", TEXT_RIGHT},
	    {"MISSES WAITING", TEXT_RIGHT}, {"NOTE", TEXT_LEFT},
	};
	struct text_table *table = text_table_create(columns, 6);
	const json_t *pmd, *queue;
	size_t i, q, n = 0;
	json_array_foreach (pmds, i, pmd) {
		json_array_foreach (json_object_get(pmd, "rxqs"), q, queue) {
			text_table_put(table, "%lld", field_count(pmd, "core"));
			text_table_put(table, "%s", field_text(queue, "port"));
			text_table_put(table, "%lld", field_count(queue, "queue"));
			text_table_put(table, "%.1f %%", field_real(queue, "load_percent"));
			text_table_put(table, "%lld", field_count(queue, "waiting"));
			put_notes(table, queue);
			n++;
		}
	}
	fputs(n ? "\n" : "\nno queues to poll\n", out);
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}

static int print_transmit_queues(const json_t *pmds, FILE *out)
{
	static const struct text_column columns[] = {
	    {"CORE", TEXT_RIGHT},
	    {"SENDS TO", TEXT_LEFT},
	    {"QUEUE", TEXT_RIGHT},
	    {"NOTE", TEXT_LEFT},
	};
	struct text_table *table = text_table_create(columns, 4);
	const json_t *pmd, *queue;
	size_t i, q, n = 0;
	json_array_foreach (pmds, i, pmd) {
		json_array_foreach (json_object_get(pmd, "txqs"), q, queue) {
			bool shared = json_is_true(json_object_get(queue, "shared"));
			text_table_put(table, "%lld", field_count(pmd, "core"));
			text_table_put(table, "%s", field_text(queue, "port"));
			text_table_put(table, "%lld", field_count(queue, "queue"));
			text_table_put(table, "%s", shared ? "shared" : "");
			n++;
		}
	}
	if (n)
		fputc('\n', out);
	int ret = n ? text_table_print(table, out) : 0;
	text_table_destroy(table);
	return ret;
}

static void print_isolated(const json_t *pmds, FILE *out)
{
	const json_t *pmd;
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		if (json_is_true(json_object_get(pmd, "isolated")))
			fprintf(out, "core %lld is isolated: it polls pinned queues only\n",
				field_count(pmd, "core"));
	}
}

static void print_settings(const json_t *settings, FILE *out)
{
	if (field_count(settings, "idle_us"))
		fprintf(out, "idle threads sleep %lld us at a time, after %lld us\n",
			field_count(settings, "sleep_us"), field_count(settings, "idle_us"));
	if (field_count(settings, "rebalance_s"))
		fprintf(out, "queues move by load every %lld s\n",
			field_count(settings, "rebalance_s"));
	if (field_present(settings, "refused"))
		fprintf(out, "swd refused the settings: %s\n", field_text(settings, "refused"));
}

static void put_move(struct text_table *table, const json_t *move)
{
	text_table_put(table, "%s", field_text(move, "port"));
	text_table_put(table, "%lld", field_count(move, "queue"));
	text_table_put(table, "%.1f %%", field_real(move, "load_percent"));
	text_table_put(table, "%lld", field_count(move, "from"));
	text_table_put(table, "%lld", field_count(move, "to"));
}

int print_rebalance(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"PORT", TEXT_LEFT},       {"QUEUE", TEXT_RIGHT},	{"LOAD", TEXT_RIGHT},
	    {"FROM CORE", TEXT_RIGHT}, {"TO CORE", TEXT_RIGHT},
	};
	const json_t *move;
	size_t i;
	if (field_count(result, "n_moves") == 0) {
		fprintf(out, "no move gains anything; the busiest core is at %.1f %%\n",
			field_real(result, "busiest_before_percent"));
		return 0;
	}
	struct text_table *table = text_table_create(columns, 5);
	json_array_foreach (json_object_get(result, "moves"), i, move) {
		put_move(table, move);
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	fprintf(out, "\n%lld queue%s %s; the busiest core goes from %.1f %% to %.1f %%\n",
		field_count(result, "n_moves"), field_count(result, "n_moves") == 1 ? "" : "s",
		json_is_true(json_object_get(result, "dry_run")) ? "would move" : "moved",
		field_real(result, "busiest_before_percent"),
		field_real(result, "busiest_after_percent"));
	return ret;
}

int print_pmds(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"CORE", TEXT_RIGHT},	 {"NUMA", TEXT_RIGHT},		{"BUSY", TEXT_RIGHT},
	    {"PACKETS", TEXT_RIGHT},	 {"PER BURST", TEXT_RIGHT},	{"CYCLES EACH", TEXT_RIGHT},
	    {"CACHE HITS", TEXT_RIGHT},	 {"MEGAFLOW HITS", TEXT_RIGHT}, {"MISSES", TEXT_RIGHT},
	    {"MASKS TRIED", TEXT_RIGHT}, {"RECIRCULATED", TEXT_RIGHT},
	};
	const json_t *pmd, *pmds = json_object_get(result, "pmds");
	if (json_array_size(pmds) == 0) {
		fputs("no poll-mode threads\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 11);
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		put_pmd(table, pmd);
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	if (!ret)
		ret = print_queues(pmds, out);
	if (!ret)
		ret = print_transmit_queues(pmds, out);
	print_isolated(pmds, out);
	print_settings(json_object_get(result, "settings"), out);
	return ret;
}
