// Groups and meters as ovs-ofctl prints them.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"

// As swctld writes them.
int print_groups(const json_t *result, FILE *out)
{
	const char *text = field_text(result, "text");
	fputs(*text ? text : "# no groups\n", out); // add-groups takes what is printed
	return 0;
}

int print_meters(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *meter, *meters = json_object_get(result, "meters");
	if (json_array_size(meters) == 0)
		fputs("# no meters\n", out); // as of groups
	json_array_foreach (meters, i, meter) {
		fprintf(out, "%s\n", field_text(meter, "meter"));
	}
	return 0;
}

int print_meter_stats(const json_t *result, FILE *out)
{
	size_t i, k;
	const json_t *meter, *band, *meters = json_object_get(result, "meters");
	if (json_array_size(meters) == 0)
		fputs("no meters\n", out);
	json_array_foreach (meters, i, meter) {
		fprintf(out,
			"meter:%lld flow_count:%lld packet_in_count:%lld byte_in_count:%lld "
			"duration:%.3fs bands:\n",
			field_count(meter, "meter_id"), field_count(meter, "flow_count"),
			field_count(meter, "packets"), field_count(meter, "bytes"),
			field_real(meter, "duration_s"));
		json_array_foreach (json_object_get(meter, "bands"), k, band) {
			fprintf(out, "%zu: packet_count:%lld byte_count:%lld\n", k,
				field_count(band, "packets"), field_count(band, "bytes"));
		}
	}
	return 0;
}
