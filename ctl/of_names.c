#include "ctl/of_names.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

// FNV-1a, of letters without their case.
static uint32_t name_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((unsigned char)text[i] | 0x20u)) * 16777619u;
	return hash ^ hash >> 15;
}

void of_names_add(struct of_names *names, const char *text, unsigned id)
{
	size_t len = strlen(text);
	uint32_t hash = name_hash(text, len);
	unsigned at = hash % OF_NAMES_SLOTS;
	while (names->slots[at].text)
		at = (at + 1) % OF_NAMES_SLOTS;
	names->slots[at] = (struct of_name){text, hash, (uint16_t)len, (uint16_t)id};
}

static inline int names_find(const struct of_names *names, const char *text, size_t len,
			     bool any_case)
{
	uint32_t hash = name_hash(text, len);
	unsigned at = hash % OF_NAMES_SLOTS;
	for (; names->slots[at].text; at = (at + 1) % OF_NAMES_SLOTS) {
		const struct of_name *name = &names->slots[at];
		if (name->hash != hash || name->len != len)
			continue;
		if (memcmp(name->text, text, len) == 0 ||
		    (any_case && strncasecmp(name->text, text, len) == 0))
			return name->id;
	}
	return -1;
}

int of_names_find(const struct of_names *names, const char *text, size_t len)
{
	return names_find(names, text, len, false);
}

int of_names_find_nocase(const struct of_names *names, const char *text, size_t len)
{
	return names_find(names, text, len, true);
}
