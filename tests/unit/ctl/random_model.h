// Random packets out of small pools of values, from which random_rules.h's matches come too, so
// that they meet.
#ifndef TESTS_UNIT_CTL_RANDOM_MODEL_H
#define TESTS_UNIT_CTL_RANDOM_MODEL_H

#include "tests/unit/ctl/model.h"
#include "tests/unit/ctl/prng.h"

#define POOL_PORTS 6 // numbered from 1

struct eth_addr pool_mac(void);
uint32_t pool_ipv4(void);
struct in6 pool_ipv6(void);
uint16_t pool_vid(void);
uint16_t pool_tp(void);
uint32_t pool_label(void);

// What a rule set and its packets have more of than others, so that rare things meet.
enum random_theme { THEME_NONE, THEME_MPLS, THEME_COPIES, THEME_FRAGMENTS, N_THEMES };

extern enum random_theme random_theme;

void random_model(struct model *m);
// Changes a packet in a few fields or bits of them; seldom in its kind.
void random_mutate(struct model *m);

#endif
