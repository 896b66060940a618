// The control protocol's methods, declared once: swctld's dispatch, swctl's commands, its
// completion and the reference page in docs/ come from this table.
//
// JSON-RPC 2.0, one JSON value per line (at most RPC_LINE_MAX bytes), over DIR/control.sock.
// Parameters are an object. Errors: -32700 not JSON, -32600 not a request, -32601 no such method,
// -32602 bad parameters, RPC_REFUSED a refusal whose one-line message names the thing and the mend;
// `data` may hold {"column": n, "word": w, "line": n} for a mistake in a flow.
#ifndef CTL_RPC_TABLE_H
#define CTL_RPC_TABLE_H

#include <stdbool.h>

#define RPC_LINE_MAX (64 << 20) // bytes; a bulk load is one line
#define RPC_REFUSED  1

// A row's parameters, space-separated: NAME:TYPE, "?" behind an optional one. Types: string, object
// (KEY=VALUE words of the command line), port (completes to port names), flow (the rest of the
// words, one text), file (lines of a file or "-", sent as an array of strings). On swctl's command
// line port.add's kind is written type=KIND, among the options.
#define RPC_METHODS(X)                                                                          \
	X("port.add", "add-port", "name:string kind:string options:object?", false, port_add,   \
	  "add a port: KIND is vhost-user (path=, mode=server|client, queues=, "                \
	  "offloads=on|off) or dpdk (devargs=, queues=, mtu=);"                                 \
	  " tag= and trunks= set its VLANs")                                                    \
	X("port.del", "del-port", "name:port", false, port_del, "remove a port")                \
	X("port.list", "list-ports", "", true, port_list,                                       \
	  "ports with number, kind, link and options")                                          \
	X("show", "show", "", true, show, "daemons, ports, rules and flows at a glance")        \
	X("flow.add", "add-flow", "flow:flow", false, flow_add, "add or replace one rule")      \
	X("flow.add_many", "add-flows", "flows:file", false, flow_add_many,                     \
	  "add rules from a file or standard input: all or none")                               \
	X("flow.del", "del-flows", "match:flow?", false, flow_del,                              \
	  "delete the rules that match (all without MATCH)")                                    \
	X("flow.dump", "dump-flows", "match:flow?", true, flow_dump, "rules with counters")     \
	X("dp.show", "dp show", "", true, dp_show, "the datapath: caches, memory, masks, hits") \
	X("dp.dump_flows", "dp dump-flows", "", true, dp_dump_flows,                            \
	  "megaflows with mask, hits, bytes, age and actions")                                  \
	X("stats", "stats", "port:port?", true, stats, "packets and bytes per port")            \
	X("drops", "drops", "port:port?", true, drops, "dropped packets by reason and port")    \
	X("pmd.show", "pmd show", "", true, pmd_show, "poll-mode threads: queues, load, hits")  \
	X("pmd.stats", "pmd stats", "", true, pmd_stats,                                        \
	  "poll-mode threads: cycles by stage, hits by cache, copies")                          \
	X("fdb.show", "fdb show", "", true, fdb_show, "learned MAC addresses")                  \
	X("version", "version", "", true, version, "versions of the programs")

struct rpc_method {
	const char *name;    // on the wire
	const char *command; // words of swctl's command
	const char *params;
	bool reading; // changes nothing: swctl offers --json
	const char *help;
};

extern const struct rpc_method rpc_methods[];
extern const unsigned rpc_n_methods;

#endif
