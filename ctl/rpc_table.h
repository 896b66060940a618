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

#define RPC_LINE_MAX (128 << 20) // bytes; a bulk load is one line
#define RPC_REFUSED  1

// A row's parameters, space-separated: NAME:TYPE, "?" behind an optional one. Types: string, object
// (KEY=VALUE words of the command line), port (completes to port names), flow (the rest of the
// words, one text), file (a file or "-", sent as one text of lines), flag (a boolean; on the
// command line an option, --NAME), field (a string, a field's name or ""; an option, --NAME or
// --NAME=FIELD), option (a string, --NAME VALUE), options (an array of strings, --NAME VALUE for
// each), amount (an integer, --NAME NUMBER), form (a boolean that swctl sets unless it is to print
// JSON: the result as text for people), number (an integer, which swctl has an option of its own
// for). On swctl's command line port.add's kind is written type=KIND, among the options. READS or
// CHANGES: whether who may only read (ctl/peer.h) may call it; not what shows frames of guests.
#define RPC_METHODS(X)                                                                           \
	X("port.add", "add-port", "name:string kind:string options:object?", false, CHANGES,     \
	  port_add,                                                                              \
	  "add a port; `swctl help add-port` lists the kinds, `swctl help add-port KIND` the "   \
	  "options of one")                                                                      \
	X("port.del", "del-port", "name:port", false, CHANGES, port_del, "remove a port")        \
	X("port.list", "list-ports", "", true, READS, port_list,                                 \
	  "ports with number, kind, link and options")                                           \
	X("port.guests", "", "", true, READS, port_guests,                                       \
	  "what swd sees of the guests at vhost-user ports")                                     \
	X("show", "show", "", true, READS, show, "daemons, ports, rules and flows at a glance")  \
	X("flow.add", "add-flow", "flow:flow", false, CHANGES, flow_add,                         \
	  "add or replace one rule")                                                             \
	X("flow.add_many", "add-flows", "flows:file", false, CHANGES, flow_add_many,             \
	  "add rules from a file or standard input, or what its lines start with"                \
	  " (modify, modify_strict, delete, delete_strict): all or none")                        \
	X("flow.mod", "mod-flows", "flow:flow strict:flag?", false, CHANGES, flow_mod,           \
	  "give the actions to the rules that match; without any, add the rule")                 \
	X("flow.del", "del-flows", "match:flow? strict:flag?", false, CHANGES, flow_del,         \
	  "delete the rules that match (all without MATCH)")                                     \
	X("flow.replace", "replace-flows", "flows:file", false, CHANGES, flow_replace,           \
	  "make a file's rules the only ones, with the least change")                            \
	X("flow.diff", "diff-flows", "flows:file", true, READS, flow_diff,                       \
	  "what replace-flows would delete (-) and add (+); exit status 2 if anything")          \
	X("flow.dump", "dump-flows",                                                             \
	  "match:flow? strict:flag? no_stats:flag? names:flag? no_names:flag? sort:field? "      \
	  "rsort:field? as_text:form?",                                                          \
	  true, READS, flow_dump, "rules with counters; --no-stats: as add-flows takes them")    \
	X("flow.aggregate", "dump-aggregate", "match:flow? strict:flag?", true, READS,           \
	  flow_aggregate, "packets, bytes and number of the rules that match")                   \
	X("table.list", "dump-tables", "", true, READS, table_list, "tables with their rules")   \
	X("group.add", "add-group", "group:flow", false, CHANGES, group_add, "add one group")    \
	X("group.add_many", "add-groups", "groups:file", false, CHANGES, group_add_many,         \
	  "add groups from a file, or what its lines start with (modify, add_or_mod, delete):"   \
	  " all or none")                                                                        \
	X("group.mod", "mod-group", "group:flow may_create:flag?", false, CHANGES, group_mod,    \
	  "change a group's type and buckets")                                                   \
	X("group.del", "del-groups", "group:flow?", false, CHANGES, group_del,                   \
	  "delete the group (all without GROUP) and the rules that use it")                      \
	X("group.dump", "dump-groups", "group:flow? as_text:form?", true, READS, group_dump,     \
	  "groups")                                                                              \
	X("meter.add", "add-meter", "meter:flow", false, CHANGES, meter_add, "add one meter")    \
	X("meter.add_many", "add-meters", "meters:file", false, CHANGES, meter_add_many,         \
	  "add meters from a file, or what its lines start with (modify, delete):"               \
	  " all or none")                                                                        \
	X("meter.mod", "mod-meter", "meter:flow", false, CHANGES, meter_mod,                     \
	  "change a meter's rates and bands")                                                    \
	X("meter.del", "del-meters", "meter:flow?", false, CHANGES, meter_del,                   \
	  "delete the meter (all without METER) and the rules that use it")                      \
	X("meter.dump", "dump-meters", "meter:flow?", true, READS, meter_dump, "meters")         \
	X("meter.stats", "meter-stats", "meter:flow?", true, READS, meter_stats,                 \
	  "packets and bytes of meters and of each band")                                        \
	X("bundle", "bundle", "commands:file", false, CHANGES, bundle,                           \
	  "run a file of commands (flow, group, meter; then add, modify, delete...)"             \
	  " as one change: all or none")                                                         \
	X("trace", "trace", "flow:flow? in_port:port? frame:string? ct_state:options?", true,    \
	  READS, trace,                                                                          \
	  "a packet's way through the tables: the rules that win, those that come near, and "    \
	  "the megaflow; the packet is a flow, or a frame on PORT, in hexadecimal or a pcap "    \
	  "file's; --ct-state says what each ct finds (new, unless given)")                      \
	X("dp.trace", "dp trace", "port:port count:number? time_ms:number?", true, CHANGES,      \
	  dp_trace, "what becomes of the next packets that a port receives")                     \
	X("dp.trace_read", "", "trace:number stop:flag?", true, CHANGES, dp_trace_read,          \
	  "what came of a trace since the last call; stop ends it")                              \
	X("dp.show", "dp show", "", true, READS, dp_show,                                        \
	  "the datapath: caches, memory, masks, hits")                                           \
	X("dp.dump_flows", "dp dump-flows", "", true, READS, dp_dump_flows,                      \
	  "megaflows with mask, hits, bytes, age and actions")                                   \
	X("stats", "stats", "port:port?", true, READS, stats, "packets and bytes per port")      \
	X("drops", "drops", "port:port?", true, READS, drops,                                    \
	  "dropped packets by reason and port")                                                  \
	X("pmd.show", "pmd show", "", true, READS, pmd_show,                                     \
	  "poll-mode threads: queues, load, hits")                                               \
	X("pmd.stats", "pmd stats", "", true, READS, pmd_stats,                                  \
	  "poll-mode threads: cycles by stage, hits by cache, copies")                           \
	X("pmd.set", "pmd set",                                                                  \
	  "cores:option? isolated:option? idle_us:amount? sleep_us:amount? rebalance_s:amount? " \
	  "port:option? queue:amount? core:option?",                                             \
	  false, CHANGES, pmd_set,                                                               \
	  "set the poll-mode threads' cores (as in 1,3-5; default), which of them poll pinned "  \
	  "queues only (isolated; none), after how many idle microseconds they sleep (0: "       \
	  "never) and for how long, how often queues move by load (0: never); or pin a port's "  \
	  "queue to a core (any: unpin)")                                                        \
	X("pmd.rebalance", "pmd rebalance", "dry_run:flag?", true, CHANGES, pmd_rebalance,       \
	  "move receive queues between the threads by their load; --dry-run: only show it")      \
	X("ct.dump", "ct dump", "zone:amount?", true, READS, ct_dump,                            \
	  "tracked connections: of all zones, or of one")                                        \
	X("ct.flush", "ct flush", "zone:amount?", false, CHANGES, ct_flush,                      \
	  "forget tracked connections: of all zones, or of one")                                 \
	X("ct.stats", "ct stats", "", true, READS, ct_stats,                                     \
	  "the connection table: how many, room, packets tracked and invalid")                   \
	X("fdb.show", "fdb show", "", true, READS, fdb_show, "learned MAC addresses")            \
	X("version", "version", "", true, READS, version, "versions of the programs")

enum rpc_access {
	RPC_READS,
	RPC_CHANGES,
};

struct rpc_method {
	const char *name;    // on the wire
	const char *command; // words of swctl's command; "": it has none
	const char *params;
	bool has_json; // of swctl: for who wants to know what it answers
	enum rpc_access access;
	const char *help;
};

extern const struct rpc_method rpc_methods[];
extern const unsigned rpc_n_methods;

#endif
