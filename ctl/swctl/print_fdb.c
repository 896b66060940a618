#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/table.h"

int print_fdb(const json_t *result, FILE *out)
{
	static const struct text_column columns[] = {
	    {"MAC", TEXT_LEFT},
	    {"VLAN", TEXT_RIGHT},
	    {"PORT", TEXT_LEFT},
	    {"AGE", TEXT_RIGHT},
	};
	const json_t *entry, *entries = json_object_get(result, "entries");
	if (json_array_size(entries) == 0) {
		fputs("no MAC address is known\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 4);
	size_t i;
	json_array_foreach (entries, i, entry) {
		text_table_put(table, "%s", field_text(entry, "mac"));
		text_table_put(table, "%lld", field_count(entry, "vlan"));
		text_table_put(table, "%s", field_text(entry, "port"));
		text_table_put(table, "%lld s", field_count(entry, "age_s"));
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}
