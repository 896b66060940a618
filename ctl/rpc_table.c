#include "ctl/rpc_table.h"

const struct rpc_method rpc_methods[] = {
#define X(name, command, params, reading, handler, help) {name, command, params, reading, help},
    RPC_METHODS(X)
#undef X
};

const unsigned rpc_n_methods = sizeof(rpc_methods) / sizeof(rpc_methods[0]);
