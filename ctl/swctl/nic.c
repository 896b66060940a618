#include "ctl/swctl/nic.h"

#include "ctl/swctl/print.h"
#include "ctl/swctl/session.h"
#include "ctl/swctl/table.h"

#include <stdlib.h>
#include <string.h>

#define HOST_ROOT ""

static void join_ifaces(const struct pci_nic *nic, char *text, size_t len)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < nic->n_ifaces && used < len; i++)
		used +=
		    (size_t)snprintf(text + used, len - used, "%s%s", i ? "," : "", nic->ifaces[i]);
}

int nic_print_table(const struct pci_nic *nics, unsigned n, FILE *out)
{
	static const struct text_column columns[] = {
	    {"ADDRESS", TEXT_LEFT},	 {"ID", TEXT_LEFT},	   {"DRIVER", TEXT_LEFT},
	    {"IOMMU GROUP", TEXT_RIGHT}, {"INTERFACE", TEXT_LEFT}, {"NOTE", TEXT_LEFT},
	};
	char ifaces[PCI_NIC_IFACES_MAX * 16];
	if (n == 0) {
		fputs("no network card is on the PCI bus\n", out);
		return 0;
	}
	struct text_table *table = text_table_create(columns, 6);
	for (unsigned i = 0; i < n; i++) {
		join_ifaces(&nics[i], ifaces, sizeof(ifaces));
		text_table_put(table, "%s", nics[i].address);
		text_table_put(table, "%04x:%04x", nics[i].vendor, nics[i].device);
		text_table_put(table, "%s", nics[i].driver);
		text_table_put(table, "%s", nics[i].iommu_group);
		text_table_put(table, "%s", ifaces);
		text_table_put(table, "%s", nics[i].default_route ? "default route" : "");
	}
	int ret = text_table_print(table, out);
	text_table_destroy(table);
	return ret;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *nic_list_json(const struct pci_nic *nics, unsigned n)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++) {
		char id[16];
		json_t *ifaces = json_array();
		for (unsigned j = 0; j < nics[i].n_ifaces; j++)
			json_array_append_new(ifaces, json_string(nics[i].ifaces[j]));
		snprintf(id, sizeof(id), "%04x:%04x", nics[i].vendor, nics[i].device);
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "address",
						nics[i].address, "id", id, "driver",
						text_or_null(nics[i].driver), "iommu_group",
						text_or_null(nics[i].iommu_group), "interfaces",
						ifaces, "default_route", nics[i].default_route));
	}
	return json_pack("{s:o}", "nics", list);
}

static int list(const struct swctl_options *options, char *const *words, int n)
{
	char err[256];
	struct pci_nic *nics;
	unsigned n_nics;
	(void)words;
	(void)n;
	int rc = pci_nic_list(HOST_ROOT, &nics, &n_nics, err, sizeof(err));
	if (rc < 0) {
		session_complain(err);
		return SWCTL_FAILED;
	}
	if (options->json) {
		json_t *result = nic_list_json(nics, n_nics);
		rc = swctl_print_json(result, options, stdout);
		json_decref(result);
	} else {
		rc = nic_print_table(nics, n_nics, stdout);
	}
	free(nics);
	return session_finish_output(rc < 0 ? SWCTL_FAILED : SWCTL_OK);
}

static int bind_or_unbind(const struct swctl_options *options, const char *driver,
			  const char *address)
{
	char err[512];
	struct pci_nic nic;
	int rc = pci_nic_find(HOST_ROOT, address, &nic, err, sizeof(err));
	if (rc == 0)
		rc = driver
			 ? pci_nic_bind(HOST_ROOT, &nic, driver, options->force, err, sizeof(err))
			 : pci_nic_unbind(HOST_ROOT, &nic, options->force, err, sizeof(err));
	if (rc < 0)
		session_complain(err);
	return rc < 0 ? SWCTL_FAILED : SWCTL_OK;
}

static int bind(const struct swctl_options *options, char *const *words, int n)
{
	return bind_or_unbind(options, n > 1 ? words[1] : PCI_NIC_DRIVER, words[0]);
}

static int unbind(const struct swctl_options *options, char *const *words, int n)
{
	(void)n;
	return bind_or_unbind(options, NULL, words[0]);
}

static const struct {
	const char *word, *usage;
	int min, max; // words behind
	bool changes;
	int (*run)(const struct swctl_options *options, char *const *words, int n);
} commands[] = {
    {"list", "list [--json]", 0, 0, false, list},
    {"bind", "bind ADDRESS [DRIVER] [--force]", 1, 2, true, bind},
    {"unbind", "unbind ADDRESS [--force]", 1, 1, true, unbind},
};

// Options that have a meaning elsewhere.
static bool has_others(const struct swctl_options *options)
{
	return options->interval_s || options->count || options->skip || options->time_s ||
	       options->n_given > 0;
}

int swctl_nic(const struct swctl_options *options, char *const *words, int n)
{
	char usage[256];
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (n == 0 || strcmp(words[0], commands[i].word) != 0)
			continue;
		bool fits = n - 1 >= commands[i].min && n - 1 <= commands[i].max &&
			    !has_others(options) &&
			    !(commands[i].changes ? options->json : options->force);
		if (fits)
			return commands[i].run(options, words + 1, n - 1);
		snprintf(usage, sizeof(usage), "nic %s", commands[i].usage);
		return session_wrong_usage_of(usage, "words or options that do not fit");
	}
	return session_wrong_usage_of("nic list|bind|unbind",
				      "nic is followed by one of three words");
}
