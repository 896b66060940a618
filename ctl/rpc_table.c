#include "ctl/rpc_table.h"

const struct rpc_method rpc_methods[] = {
#define X(name, command, params, has_json, access, handler, help) \
	{name, command, params, has_json, RPC_##access, help},
    RPC_METHODS(X)
#undef X
};

const unsigned rpc_n_methods = sizeof(rpc_methods) / sizeof(rpc_methods[0]);
