#include "ctl/swctld/disk_clock.h"

#include "ctl/log.h"
#include "ctl/swctld/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING	    "clock" // "BOOT MILLISECONDS"
#define BOOT_ID	    "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 40

static int64_t at_boot_ms; // 0: not known yet

static int64_t boottime_ms(void)
{
	return (int64_t)clock_read_ms(CLOCK_BOOTTIME);
}

static bool boot_id_read(char *id)
{
	FILE *f = fopen(BOOT_ID, "re");
	bool got = f && fgets(id, BOOT_ID_MAX, f);
	if (f)
		fclose(f);
	if (got)
		id[strcspn(id, "\n")] = '\0';
	return got;
}

// What an earlier swctld of this boot wrote, or 0.
static int64_t kept_ms(struct db *db, const char *boot_id)
{
	int64_t ms = 0;
	char *text;
	size_t len = strlen(boot_id);
	if (db_setting_get(db, SETTING, &text) == 0 && text && strncmp(text, boot_id, len) == 0)
		ms = strtoll(text + len, NULL, 10);
	free(text);
	return ms;
}

void disk_clock_start(struct db *db)
{
	char boot_id[BOOT_ID_MAX], text[BOOT_ID_MAX + 32];
	at_boot_ms = 0;
	if (!boot_id_read(boot_id))
		return;
	at_boot_ms = kept_ms(db, boot_id);
	if (at_boot_ms != 0)
		return;
	snprintf(text, sizeof(text), "%s %" PRId64, boot_id, disk_clock_ms() - boottime_ms());
	if (db_setting_put(db, SETTING, text) < 0)
		log_warn("the clock of this boot is not on disk: %s", db_error(db));
}

int64_t disk_clock_ms(void)
{
	if (at_boot_ms == 0)
		at_boot_ms = (int64_t)clock_read_ms(CLOCK_REALTIME) - boottime_ms();
	return at_boot_ms + boottime_ms();
}
