#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

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

static int print_queues(const json_t *pmds, FILE *out)
{
	static const struct text_column columns[] = {
	    {"CORE", TEXT_RIGHT},
	    {"PORT", TEXT_LEFT},
	    {"QUEUE", TEXT_RIGHT},
	    {"MISSES WAITING", TEXT_RIGHT},
	};
	struct text_table *table = text_table_create(columns, 4);
	const json_t *pmd, *queue;
	size_t i, q, n = 0;
	json_array_foreach (pmds, i, pmd) {
		json_array_foreach (json_object_get(pmd, "rxqs"), q, queue) {
			text_table_put(table, "%lld", field_count(pmd, "core"));
			text_table_put(table, "%s", field_text(queue, "port"));
			text_table_put(table, "%lld", field_count(queue, "queue"));
			text_table_put(table, "%lld", field_count(queue, "waiting"));
			n++;
		}
	}
	fputs(n ? "\n" : "\nno queues to poll\n", out);
	int ret = text_table_print(table, out);
	text_table_destroy(table);
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
	return ret ? ret : print_queues(pmds, out);
}
