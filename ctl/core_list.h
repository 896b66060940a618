// Lists of processor cores as operators write them.
#ifndef CTL_CORE_LIST_H
#define CTL_CORE_LIST_H

#include <stddef.h>

#define CORE_LIST_MAX 64 // cores

// "1,3-5" to 1 3 4 5, without doubles; room for CORE_LIST_MAX. 0, or -EINVAL with one line in err.
int core_list_parse(const char *text, unsigned *cores, unsigned *n, char *err, size_t err_len);

#endif
