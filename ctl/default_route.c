#include "ctl/default_route.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RTF_UP	    0x0001 // <linux/route.h>
#define RTF_REJECT  0x0200
#define IFACE_LEN   16
#define STACKED_MAX 8 // interfaces one upon the other

// Whether `lower` is `upper`, or one of those that it stands upon.
static bool stands_on(const char *root, const char *upper, const char *lower, unsigned depth)
{
	char path[PATH_MAX];
	if (strcmp(upper, lower) == 0)
		return true;
	snprintf(path, sizeof(path), "%s/sys/class/net/%s", root, upper);
	DIR *dir = depth < STACKED_MAX ? opendir(path) : NULL;
	bool found = false;
	for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;) {
		if (strncmp(e->d_name, "lower_", 6) == 0)
			found = stands_on(root, e->d_name + 6, lower, depth + 1);
	}
	if (dir)
		closedir(dir);
	return found;
}

// A line of /proc/net/route: "eth0 00000000 0100000A 0003 0 0 0 00000000 ...".
static bool default_of_ipv4(const char *line, char iface[IFACE_LEN])
{
	unsigned destination, flags, mask;
	return sscanf(line, "%15s %x %*x %x %*d %*d %*d %x", iface, &destination, &flags, &mask) ==
		   4 &&
	       destination == 0 && mask == 0 && (flags & RTF_UP) && !(flags & RTF_REJECT);
}

// A line of /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric,
// references, uses, flags, interface.
static bool default_of_ipv6(const char *line, char iface[IFACE_LEN])
{
	unsigned len, flags;
	char destination[33];
	return sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", destination, &len, &flags,
		      iface) == 4 &&
	       len == 0 && strspn(destination, "0") == 32 && (flags & RTF_UP) &&
	       !(flags & RTF_REJECT);
}

static bool table_uses(const char *root, const char *table,
		       bool (*parse)(const char *line, char iface[IFACE_LEN]), const char *iface)
{
	char path[PATH_MAX], line[512], out[IFACE_LEN];
	snprintf(path, sizeof(path), "%s/proc/net/%s", root, table);
	FILE *f = fopen(path, "re");
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f))
		found = parse(line, out) && stands_on(root, out, iface, 0);
	if (f)
		fclose(f);
	return found;
}

bool default_route_uses(const char *root, const char *iface)
{
	return table_uses(root, "route", default_of_ipv4, iface) ||
	       table_uses(root, "ipv6_route", default_of_ipv6, iface);
}
