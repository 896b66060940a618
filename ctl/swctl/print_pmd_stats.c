// pmd stats: where a PMD's cycles go, and what answers its lookups.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

static void put_share(struct text_table *table, double part, double whole)
{
	struct field_buf buf;
	text_table_put(table, "%s", field_percent(part, whole, &buf));
}

static void put_ratio(struct text_table *table, double a, double b)
{
	struct field_buf buf;
	text_table_put(table, "%s", field_ratio(a, b, &buf));
}

static void put_load(struct text_table *table, const json_t *pmd, double seconds)
{
	double busy = field_real(pmd, "busy_cycles"), idle = field_real(pmd, "idle_cycles");
	double asleep = field_real(pmd, "sleep_cycles");
	double packets = field_real(pmd, "rx_packets");
	text_table_put(table, "%lld", field_count(pmd, "core"));
	text_table_put(table, "%lld", field_count(pmd, "numa"));
	put_share(table, busy, busy + idle + asleep);
	text_table_put(table, "%.0f", busy);
	text_table_put(table, "%.0f", idle);
	if (asleep > 0)
		text_table_put(table, "%.0f", asleep);
	else
		text_table_put(table, "%s", ""); // no column where nobody sleeps
	text_table_put(table, "%.0f", packets);
	text_table_put(table, "%.0f", seconds > 0 ? packets / seconds : 0);
	put_ratio(table, packets, field_real(pmd, "rx_bursts"));
	put_ratio(table, field_real(pmd, "copies"), packets);
	text_table_put(table, "%lld", field_count(pmd, "recirculations"));
}

static void put_cycles(struct text_table *table, const json_t *pmd, double seconds)
{
	static const char *const stages[] = {"rx_cycles", "extract_cycles", "lookup_cycles",
					     "actions_cycles", "tx_cycles"};
	double packets = field_real(pmd, "stage_packets");
	(void)seconds;
	text_table_put(table, "%lld", field_count(pmd, "core"));
	put_ratio(table, field_real(pmd, "busy_cycles"), field_real(pmd, "rx_packets"));
	for (unsigned i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		put_ratio(table, field_real(pmd, stages[i]), packets);
}

static void put_lookups(struct text_table *table, const json_t *pmd, double seconds)
{
	static const char *const hits[] = {"repeats", "emc_hits", "signature_hits",
					   "megaflow_hits"};
	double misses = field_real(pmd, "misses"), lookups = misses;
	(void)seconds;
	for (unsigned i = 0; i < sizeof(hits) / sizeof(hits[0]); i++)
		lookups += field_real(pmd, hits[i]);
	text_table_put(table, "%lld", field_count(pmd, "core"));
	text_table_put(table, "%.0f", lookups);
	for (unsigned i = 0; i < sizeof(hits) / sizeof(hits[0]); i++)
		put_share(table, field_real(pmd, hits[i]), lookups);
	put_share(table, misses, lookups);
	text_table_put(table, "%.0f", misses);
	put_ratio(table, field_real(pmd, "masks_tried"), field_real(pmd, "megaflow_hits") + misses);
}

static const struct {
	const char *title;
	void (*put)(struct text_table *table, const json_t *pmd, double seconds);
	struct text_column columns[TEXT_COLUMNS_MAX];
	unsigned n_columns;
} parts[] = {
    {"load",
     put_load,
     {{"CORE", TEXT_RIGHT},
      {"NUMA", TEXT_RIGHT},
      {"BUSY", TEXT_RIGHT},
      {"BUSY CYCLES", TEXT_RIGHT},
      {"IDLE CYCLES", TEXT_RIGHT},
      {"SLEEP CYCLES", TEXT_RIGHT},
      {"PACKETS", TEXT_RIGHT},
      {"PER SECOND", TEXT_RIGHT},
      {"PER BURST", TEXT_RIGHT},
      {"COPIES EACH", TEXT_RIGHT},
      {"RECIRCULATED", TEXT_RIGHT}},
     11},
    {"cycles per packet, and by stage",
     put_cycles,
     {{"CORE", TEXT_RIGHT},
      {"ALL", TEXT_RIGHT},
      {"RX", TEXT_RIGHT},
      {"EXTRACT", TEXT_RIGHT},
      {"LOOKUP", TEXT_RIGHT},
      {"ACTIONS", TEXT_RIGHT},
      {"TX", TEXT_RIGHT}},
     7},
    {"lookups, and what answered them",
     put_lookups,
     {{"CORE", TEXT_RIGHT},
      {"LOOKUPS", TEXT_RIGHT},
      {"REPEAT", TEXT_RIGHT},
      {"EXACT MATCH", TEXT_RIGHT},
      {"SIGNATURE", TEXT_RIGHT},
      {"MEGAFLOW", TEXT_RIGHT},
      {"MISS", TEXT_RIGHT},
      {"MISSES", TEXT_RIGHT},
      {"MASKS TRIED", TEXT_RIGHT}},
     9},
};

static double packets_of(const json_t *pmds)
{
	const json_t *pmd;
	double packets = 0;
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		packets += field_real(pmd, "rx_packets");
	}
	return packets;
}

int print_pmd_stats(const json_t *result, FILE *out)
{
	const json_t *pmd, *pmds = json_object_get(result, "pmds");
	double seconds = field_real(result, "seconds");
	int ret = 0;
	fprintf(out, "instruction set %s, counted over %.1f s\n", field_text(result, "isa"),
		seconds);
	if (json_array_size(pmds) == 0) {
		fputs("no poll-mode threads\n", out);
		return 0;
	}
	// Without packets there is but the load.
	bool idle = packets_of(pmds) == 0;
	unsigned n_parts = idle ? 1 : sizeof(parts) / sizeof(parts[0]);
	for (unsigned p = 0; p < n_parts && ret == 0; p++) {
		struct text_table *table = text_table_create(parts[p].columns, parts[p].n_columns);
		size_t i;
		json_array_foreach (pmds, i, pmd) {
			parts[p].put(table, pmd, seconds);
		}
		fprintf(out, "\n%s\n", parts[p].title);
		ret = text_table_print(table, out);
		text_table_destroy(table);
	}
	if (idle)
		fputs("\nno packet came: no cycles and no lookups to show\n", out);
	return ret;
}
