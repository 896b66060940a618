#include "ctl/of_names.h"

#include <string.h>
#include <strings.h>

// FNV-1a, of letters without their case.
static unsigned name_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((unsigned char)text[i] | 0x20u)) * 16777619u;
	return (hash ^ hash >> 15) % OF_NAMES_SLOTS;
}

void of_names_add(struct of_names *names, const char *text, unsigned id)
{
	size_t len = strlen(text);
	unsigned at = name_hash(text, len);
	while (names->slots[at].text)
		at = (at + 1) % OF_NAMES_SLOTS;
	names->slots[at] = (struct of_name){text, (uint16_t)len, (uint16_t)id};
}

static int names_find(const struct of_names *names, const char *text, size_t len,
		      int (*differ)(const char *a, const char *b, size_t n))
{
	unsigned at = name_hash(text, len);
	for (; names->slots[at].text; at = (at + 1) % OF_NAMES_SLOTS) {
		const struct of_name *name = &names->slots[at];
		if (name->len == len && differ(name->text, text, len) == 0)
			return name->id;
	}
	return -1;
}

int of_names_find(const struct of_names *names, const char *text, size_t len)
{
	return names_find(names, text, len, strncmp);
}

int of_names_find_nocase(const struct of_names *names, const char *text, size_t len)
{
	return names_find(names, text, len, strncasecmp);
}
