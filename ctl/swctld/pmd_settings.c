#include "ctl/swctld/pmd_settings.h"

#include "ctl/core_list.h"
#include "ctl/log.h"
#include "ctl/port_kinds.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/db.h"
#include "ctl/swctld/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY	   "pmd"
#define SLEEP_US   50 // unless set
#define TIMEOUT_MS 5000

struct pmd_settings {
	json_t *json; // as in pmd_settings_json(), without "refused"
	char refused[DP_CALL_TEXT];
};

static json_t *defaults(void)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:[]}", "cores", "", "isolated", "", "idle_us",
			 0, "sleep_us", SLEEP_US, "rebalance_s", 0, "pins");
}

struct pmd_settings *pmd_settings_create(void)
{
	struct pmd_settings *settings = calloc(1, sizeof(*settings));
	if (settings)
		settings->json = defaults();
	if (settings && !settings->json) {
		free(settings);
		return NULL;
	}
	return settings;
}

void pmd_settings_destroy(struct pmd_settings *settings)
{
	if (!settings)
		return;
	json_decref(settings->json);
	free(settings);
}

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static json_int_t number_of(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static bool is_number(const json_t *json, const char *key, json_int_t max)
{
	const json_t *value = json_object_get(json, key);
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	       json_integer_value(value) <= max;
}

static bool is_core_list(const json_t *json, const char *key)
{
	unsigned cores[CORE_LIST_MAX], n;
	char why[120];
	const char *text = text_of(json, key);
	return text && (!*text || core_list_parse(text, cores, &n, why, sizeof(why)) == 0);
}

// Whether it has all that is read later, as it is read.
static bool is_whole(const json_t *json)
{
	const json_t *pin, *pins = json_object_get(json, "pins");
	size_t i;
	json_array_foreach (pins, i, pin) {
		if (!text_of(pin, "port") || !is_number(pin, "queue", UINT16_MAX) ||
		    !is_number(pin, "core", UINT16_MAX))
			return false;
	}
	return json_is_array(pins) && is_core_list(json, "cores") &&
	       is_core_list(json, "isolated") && is_number(json, "idle_us", UINT32_MAX) &&
	       is_number(json, "sleep_us", UINT32_MAX) &&
	       is_number(json, "rebalance_s", UINT32_MAX);
}

static void replace(struct swctld *d, json_t *json)
{
	json_decref(d->pmd_settings->json);
	d->pmd_settings->json = json;
	d->pmd_settings->refused[0] = '\0';
}

int pmd_settings_load(struct swctld *d, char *err, size_t err_len)
{
	char *text;
	int rc = db_setting_get(d->db, KEY, &text);
	if (rc) {
		snprintf(err, err_len, "%s", db_error(d->db));
		return rc;
	}
	if (!text)
		return 0;
	json_t *json = json_loads(text, 0, NULL), *fallback = defaults();
	free(text);
	json_object_update_missing(json, fallback); // an older version may not have had them all
	json_decref(fallback);
	if (is_whole(json)) {
		replace(d, json);
		return 0;
	}
	json_decref(json);
	log_warn("the settings of the poll-mode threads in the database are damaged: the defaults "
		 "hold; set them again with `swctl pmd set`");
	return 0;
}

static int store(struct swctld *d, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	int err = text ? db_setting_put(d->db, KEY, text) : -ENOMEM;
	free(text);
	return err;
}

// To swd.

static bool put_cores(struct nlmsghdr *nlh, size_t room, uint16_t type, const char *text)
{
	unsigned cores[CORE_LIST_MAX], n = 0;
	char why[120];
	if (!*text)
		return true;
	return core_list_parse(text, cores, &n, why, sizeof(why)) == 0 &&
	       mnl_attr_put_check(nlh, room, type, n * sizeof(cores[0]), cores);
}

static bool put_pins(struct nlmsghdr *nlh, size_t room, const struct ports *ports,
		     const json_t *pins)
{
	struct swd_pmd_pin list[SWD_PMD_PINS_MAX];
	const json_t *pin;
	size_t i, n = 0;
	json_array_foreach (pins, i, pin) {
		const struct port *port = ports_by_name(ports, text_of(pin, "port"));
		if (!port || n == SWD_PMD_PINS_MAX)
			continue;
		list[n++] = (struct swd_pmd_pin){.port_no = port->no,
						 .queue = (uint16_t)number_of(pin, "queue"),
						 .core = (uint16_t)number_of(pin, "core")};
	}
	return n == 0 ||
	       mnl_attr_put_check(nlh, room, SWD_PMD_SET_ATTR_PINS, n * sizeof(list[0]), list);
}

static int tell(struct swctld *d, struct dp_client *calls, const json_t *json, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(calls, DP_FAMILY_SWD, SWD_CMD_PMD_SET, NLM_F_REQUEST | NLM_F_ACK);
	size_t room = dp_client_room(calls);
	if (!put_cores(nlh, room, SWD_PMD_SET_ATTR_CORES, text_of(json, "cores")) ||
	    !put_cores(nlh, room, SWD_PMD_SET_ATTR_ISOLATED, text_of(json, "isolated")) ||
	    !put_pins(nlh, room, d->ports, json_object_get(json, "pins")) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_PMD_SET_ATTR_IDLE_US,
				    (uint32_t)number_of(json, "idle_us")) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_PMD_SET_ATTR_SLEEP_US,
				    (uint32_t)number_of(json, "sleep_us")) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_PMD_SET_ATTR_REBALANCE_S,
				    (uint32_t)number_of(json, "rebalance_s"))) {
		snprintf(text, DP_CALL_TEXT, "the settings do not fit into a message");
		return -EMSGSIZE;
	}
	text[0] = '\0';
	int err = dp_client_call(calls, NULL, NULL, TIMEOUT_MS, text, DP_CALL_TEXT);
	if (err && !text[0])
		snprintf(text, DP_CALL_TEXT, "%s", strerror(-err));
	return err;
}

static bool is_lost(int err)
{
	return err == -ETIMEDOUT || err == -ECONNRESET || err == -EPROTO;
}

int pmd_settings_sync(struct swctld *d, struct dp_client *calls, char *text)
{
	struct pmd_settings *settings = d->pmd_settings;
	int err = tell(d, calls, settings->json, text);
	settings->refused[0] = '\0';
	if (!err || is_lost(err))
		return err;
	snprintf(settings->refused, sizeof(settings->refused), "%s", text);
	log_warn("swd refused the settings of its poll-mode threads: %s; set others", text);
	return 0;
}

// Changes.

static int check_cores(const char *option, const char *text, char *err, size_t err_len)
{
	unsigned cores[CORE_LIST_MAX], n;
	char why[120];
	if (core_list_parse(text, cores, &n, why, sizeof(why)) == 0)
		return 0;
	snprintf(err, err_len, "--%s: %s", option, why);
	return -1;
}

static int change_cores(json_t *json, const json_t *params, const char *key, const char *none,
			char *err, size_t err_len)
{
	const char *text = text_of(params, key);
	if (!text)
		return 0;
	if (strcmp(text, none) == 0)
		text = "";
	else if (check_cores(key, text, err, err_len) < 0)
		return -1;
	json_object_set_new(json, key, json_string(text));
	return 0;
}

static const struct {
	const char *key, *option;
	json_int_t max;
} numbers[] = {
    {"idle_us", "idle-us", SWD_PMD_IDLE_US_MAX},
    {"sleep_us", "sleep-us", SWD_PMD_SLEEP_US_MAX},
    {"rebalance_s", "rebalance-s", SWD_PMD_REBALANCE_S_MAX},
};

static int change_numbers(json_t *json, const json_t *params, char *err, size_t err_len)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const json_t *value = json_object_get(params, numbers[i].key);
		json_int_t least = strcmp(numbers[i].key, "sleep_us") == 0;
		if (!value)
			continue;
		if (json_integer_value(value) < least ||
		    json_integer_value(value) > numbers[i].max) {
			snprintf(err, err_len, "--%s takes %d to %d", numbers[i].option, (int)least,
				 (int)numbers[i].max);
			return -1;
		}
		json_object_set_new(json, numbers[i].key, json_integer(json_integer_value(value)));
	}
	return 0;
}

// As the operator said it, or else the row of its kind; a kind without the option has one.
static unsigned queues_of(const struct port *port)
{
	char err[8];
	const char *text = json_string_value(json_object_get(port->device_options, "queues"));
	const struct port_kind_spec *kind = port_kind_spec_find(port->kind, err, sizeof(err));
	const struct port_option_spec *queues = kind ? port_option_spec_find(kind, "queues") : NULL;
	if (!text && queues)
		text = queues->fallback;
	return text ? (unsigned)strtoul(text, NULL, 10) : 1;
}

static void unpin(json_t *pins, const char *port, json_int_t queue)
{
	for (size_t i = json_array_size(pins); i-- > 0;) {
		const json_t *pin = json_array_get(pins, i);
		if (strcmp(text_of(pin, "port"), port) == 0 &&
		    (queue < 0 || number_of(pin, "queue") == queue))
			json_array_remove(pins, i);
	}
}

static int check_pin(const struct swctld *d, const json_t *params, char *err, size_t err_len)
{
	const char *name = text_of(params, "port");
	if (!name || !text_of(params, "core") || !json_object_get(params, "queue")) {
		snprintf(err, err_len, "--port, --queue and --core go together");
		return -1;
	}
	const struct port *port = ports_by_name(d->ports, name);
	json_int_t queue = number_of(params, "queue");
	if (!port) {
		snprintf(err, err_len, "port %.80s: no such port; list-ports shows them", name);
		return -1;
	}
	unsigned n = queues_of(port);
	if (queue >= 0 && queue < n)
		return 0;
	if (n == 1)
		snprintf(err, err_len, "port %s: no queue %d: it has queue 0 only", name,
			 (int)queue);
	else
		snprintf(err, err_len, "port %s: no queue %d: it has queues 0 to %u", name,
			 (int)queue, n - 1);
	return -1;
}

static int change_pins(struct swctld *d, json_t *json, const json_t *params, char *err,
		       size_t err_len)
{
	json_t *pins = json_object_get(json, "pins");
	const char *core = text_of(params, "core");
	unsigned cores[CORE_LIST_MAX], n;
	char why[120];
	if (!core && !json_object_get(params, "port") && !json_object_get(params, "queue"))
		return 0;
	if (check_pin(d, params, err, err_len) < 0)
		return -1;
	bool any = core && strcmp(core, "any") == 0;
	if (!any && (core_list_parse(core, cores, &n, why, sizeof(why)) < 0 || n != 1)) {
		snprintf(err, err_len, "--core %.40s does not do: use a core's number, or any",
			 core);
		return -1;
	}
	unpin(pins, text_of(params, "port"), number_of(params, "queue"));
	if (any)
		return 0;
	if (json_array_size(pins) >= SWD_PMD_PINS_MAX) {
		snprintf(err, err_len, "%d queues are pinned: no more can be", SWD_PMD_PINS_MAX);
		return -1;
	}
	json_array_append_new(pins,
			      json_pack("{s:s, s:I, s:i}", "port", text_of(params, "port"), "queue",
					number_of(params, "queue"), "core", (int)cores[0]));
	return 0;
}

static json_t *changed(struct swctld *d, const json_t *params, char *err, size_t err_len)
{
	json_t *json = json_deep_copy(d->pmd_settings->json);
	snprintf(err, err_len, "out of memory");
	if (json && change_cores(json, params, "cores", "default", err, err_len) == 0 &&
	    change_cores(json, params, "isolated", "none", err, err_len) == 0 &&
	    change_numbers(json, params, err, err_len) == 0 &&
	    change_pins(d, json, params, err, err_len) == 0)
		return json;
	json_decref(json);
	return NULL;
}

int pmd_settings_change(struct swctld *d, const json_t *params, char *err, size_t err_len)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	if (json_object_size(params) == 0) {
		snprintf(err, err_len, "nothing to set; `swctl help pmd set` shows what there is");
		return -1;
	}
	json_t *json = changed(d, params, err, err_len);
	if (!json)
		return -1;
	if (calls && datapath_check(d->datapath, tell(d, calls, json, text)) < 0) {
		snprintf(err, err_len, "%s", text);
		json_decref(json);
		return -1;
	}
	if (store(d, json) < 0) {
		snprintf(err, err_len, "%s", db_error(d->db));
		json_decref(json);
		if (calls)
			datapath_check(d->datapath, tell(d, calls, d->pmd_settings->json, text));
		return -1;
	}
	replace(d, json);
	return 0;
}

void pmd_settings_forget_port(struct swctld *d, const char *name)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	json_t *json = json_deep_copy(d->pmd_settings->json);
	json_t *pins = json_object_get(json, "pins");
	size_t before = json_array_size(pins);
	unpin(pins, name, -1);
	if (!json || json_array_size(pins) == before) {
		json_decref(json);
		return;
	}
	if (store(d, json) < 0)
		log_warn("port %s: its pins stay in the database: %s", name, db_error(d->db));
	replace(d, json);
	if (calls)
		datapath_check(d->datapath, pmd_settings_sync(d, calls, text));
}

json_t *pmd_settings_json(const struct swctld *d)
{
	json_t *json = json_deep_copy(d->pmd_settings->json);
	if (json && d->pmd_settings->refused[0])
		json_object_set_new(json, "refused", json_string(d->pmd_settings->refused));
	return json;
}
