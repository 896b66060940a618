// A host of the test's own: files under a folder that stands for /.
#ifndef TESTS_UNIT_CTL_HOST_FIXTURE_H
#define TESTS_UNIT_CTL_HOST_FIXTURE_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char host_root[64];

static int host_make(void **state)
{
	(void)state;
	snprintf(host_root, sizeof(host_root), "/tmp/swd-host-XXXXXX");
	return mkdtemp(host_root) ? 0 : -1;
}

static int host_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int host_remove(void **state)
{
	(void)state;
	return nftw(host_root, host_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void host_path(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", host_root, name);
}

// Makes a file, and the folders above it.
static void host_put_bytes(const char *name, const char *bytes, size_t len)
{
	char path[PATH_MAX];
	host_path(path, name);
	for (char *c = path + strlen(host_root) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		mkdir(path, 0755);
		*c = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static inline void host_put(const char *name, const char *text)
{
	host_put_bytes(name, text, strlen(text));
}

#endif
