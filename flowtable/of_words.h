// An OpenFlow key as words of 8 bytes.
#ifndef FLOWTABLE_OF_WORDS_H
#define FLOWTABLE_OF_WORDS_H

#include "flowtable/key_words.h"
#include "flowtable/of_key.h"

static_assert(offsetof(struct of_key, metadata_be) == sizeof(struct flow_key),
	      "the packet's words come first");

static inline const key_word *of_words(const struct of_key *key)
{
	return (const key_word *)key;
}

static inline key_word *of_words_rw(struct of_key *key)
{
	return (key_word *)key;
}

#endif
