#include <config.h>

#include "ctl/ovs/unfollowed.h"

#include <string.h>

#include "openvswitch/vlog.h"
#include "smap.h"
#include "sset.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(swd_unfollowed);

#define AFFINITY "pmd-rxq-affinity"

static const struct {
	const char *key, *instead;
} settings[] = {
    {"pmd-cpu-mask", "swd's cores are set by `swctl pmd set --cores LIST` or swd's --pmd-cores"},
    {"pmd-rxq-assign", "swd spreads queues by their load: `swctl pmd rebalance`"},
    {"pmd-rxq-isolate", "swd has `swctl pmd set --isolated LIST`"},
    {"pmd-auto-lb", "swd has `swctl pmd set --rebalance-s N`"},
    {"pmd-maxsleep", "swd has `swctl pmd set --sleep-us N`"},
    {"hw-offload", "swd offloads no flows"},
    {"userspace-tso-enable", "guests of swd have TSO without it"},
};

void unfollowed_tell(const struct smap *other_config)
{
	static struct smap told = SMAP_INITIALIZER(&told);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const char *key = settings[i].key;
		const char *value = smap_get(other_config, key);
		if (value == NULL) {
			smap_remove(&told, key);
		} else if (strcmp(smap_get_def(&told, key, ""), value) != 0) {
			smap_replace(&told, key, value);
			VLOG_WARN("other_config:%s=%s is not followed: %s", key, value,
				  settings[i].instead);
		}
	}
}

void unfollowed_port_tell(const char *port, const struct smap *other_config)
{
	static struct sset told = SSET_INITIALIZER(&told);
	if (smap_get(other_config, AFFINITY) == NULL)
		sset_find_and_delete(&told, port);
	else if (sset_add(&told, port) != NULL)
		VLOG_WARN("%s: other_config:" AFFINITY " is not followed: swd has `swctl pmd set "
			  "--port NAME --queue N --core N`",
			  port);
}
