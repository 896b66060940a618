// Names to numbers, by a hash: a line's every word is looked up, and there are hundreds of names.
#ifndef CTL_OF_NAMES_H
#define CTL_OF_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define OF_NAMES_SLOTS 1024 // a power of two, more than twice the names

struct of_names {
	struct of_name {
		const char *text; // NULL: empty
		uint32_t hash;
		uint16_t len, id;
	} slots[OF_NAMES_SLOTS];
};

// The text stays the caller's. Of two equal names the first one is found.
void of_names_add(struct of_names *names, const char *text, unsigned id);
// The id, or -1.
int of_names_find(const struct of_names *names, const char *text, size_t len);
int of_names_find_nocase(const struct of_names *names, const char *text, size_t len);

#endif
