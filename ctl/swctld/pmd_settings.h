// How swd's pool of poll-mode threads is to run: durable here, told to swd whole.
#ifndef CTL_SWCTLD_PMD_SETTINGS_H
#define CTL_SWCTLD_PMD_SETTINGS_H

#include "ctl/dp_client.h"
#include "ctl/swctld/daemon.h"

#include <jansson.h>

struct pmd_settings;

struct pmd_settings *pmd_settings_create(void);
void pmd_settings_destroy(struct pmd_settings *settings);
// From the database; damaged ones are left there with a word in the log. 0 or -errno with one line
// in err.
int pmd_settings_load(struct swctld *d, char *err, size_t err_len);

// Changes them by pmd.set's parameters: swd first, then the disk. 0, or -1 with one line in err and
// nothing changed. While swd is away it is told when it comes.
int pmd_settings_change(struct swctld *d, const json_t *params, char *err, size_t err_len);
// A port has been removed: its queues are pinned no more.
void pmd_settings_forget_port(struct swctld *d, const char *name);
// Tells swd. What it refuses is in the log and in pmd_settings_json(). 0, or -errno when the
// connection is of no use any more.
int pmd_settings_sync(struct swctld *d, struct dp_client *calls, char *text);
// {"cores", "isolated", "idle_us", "sleep_us", "rebalance_s", "pins": [{"port", "queue", "core"}],
// "refused"}, a new reference.
json_t *pmd_settings_json(const struct swctld *d);

#endif
