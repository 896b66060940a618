// Groups in ovs-ofctl's syntax: "group_id=1,type=select,bucket=weight:3,actions=output:vm1,...".
// OpenFlow 1.3.5, section 5.6.
#ifndef CTL_OF_GROUP_H
#define CTL_OF_GROUP_H

#include "ctl/of_actions.h"

#define OF_GROUP_MAX   0xffffff00u // ids
#define OF_BUCKETS_MAX 256

enum of_group_type { OF_GROUP_ALL, OF_GROUP_SELECT, OF_GROUP_INDIRECT, OF_GROUP_FF };

struct of_bucket {
	uint32_t id;
	uint16_t weight;	    // select's; default 1
	uint32_t watch_port;	    // 0: none
	uint32_t watch_group;	    // UINT32_MAX: none
	struct of_actions *actions; // malloc'd; NULL: drop
};

struct of_group {
	uint32_t id;
	enum of_group_type type;
	// select's: "selection_method=hash,fields(ip_src,tcp_dst)"; without: by symmetric L4 hash
	bool has_method;
	bool is_dp_hash; // as the default
	uint64_t selection_param;
	struct of_key hash_fields; // a mask; all zero: the default
	unsigned n_buckets;
	struct of_bucket *buckets; // malloc'd
};

// 0, or -EINVAL and nothing to free. A success is ended by of_group_fini().
int of_group_parse(struct of_group *group, const char *line, const struct of_ports *ports,
		   struct of_error *error);
void of_group_fini(struct of_group *group);
void of_group_print(FILE *out, const struct of_group *group, const struct of_ports *ports);
char *of_group_format(const struct of_group *group, const struct of_ports *ports); // malloc'd
// The id of "group_id=N" alone (del-groups, dump-groups); UINT32_MAX for "" or "all".
int of_group_id_parse(uint32_t *id, const char *line, struct of_error *error);

#endif
