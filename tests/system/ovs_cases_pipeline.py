"""Cases of test_against_ovs.py: tables, action sets, registers, groups, learned rules: what decides where a packet goes."""

from frames import *
from ovs_case import *

# Tables.

case(
    "tables: resubmit",
    "actions=resubmit(,1)\ntable=1,tcp,actions=2\ntable=1,priority=1,actions=3",
    ALL,
)
case("tables: resubmit goes on behind", "actions=resubmit(,1),resubmit(,2),4\ntable=1,ip,actions=2\ntable=2,tcp,actions=3", ALL)
case("tables: resubmit to the same table with another port", "in_port=1,actions=resubmit:3\nin_port=3,actions=2,1", V4)
case("tables: resubmit(port,table)", "actions=resubmit(2,5)\ntable=5,in_port=2,actions=1,3\ntable=5,in_port=1,actions=4", V4)
case(
    "tables: resubmit of a changed packet",
    """ip,actions=mod_nw_dst:10.9.9.9,resubmit(,1)
    table=1,ip,nw_dst=10.9.9.9,actions=2
    table=1,ip,nw_dst=10.2.2.2,actions=3""",
    V4,
)
case("tables: changes of a called table stay", "ip,actions=resubmit(,1),2\ntable=1,ip,actions=mod_nw_dst:10.9.9.9,3", V4)
case("tables: resubmit that finds nothing", "actions=resubmit(,1),2\ntable=1,udp,tp_dst=7,actions=3", V4)
case(
    "tables: goto_table",
    """actions=goto_table:1
    table=1,tcp,actions=goto_table:20
    table=1,priority=1,actions=3
    table=20,actions=2""",
    ALL,
)
case(
    "tables: goto_table after actions",
    "ip,actions=mod_nw_dst:10.9.9.9,2,goto_table:3\ntable=3,ip,nw_dst=10.9.9.9,actions=4",
    V4,
)
case("tables: goto_table to an empty one drops the rest", "actions=2,goto_table:7", V4)
case("tables: a table-miss rule", "actions=goto_table:1\ntable=1,priority=0,actions=4\ntable=1,tcp,actions=2", ALL)
case(
    "tables: ten in a row",
    [*(f"table={n},actions={2 + n % 3},resubmit(,{n + 1})" for n in range(10)), "table=10,actions=in_port"],
    V4,
)
case("tables: a deep recursion ends", "ip,actions=resubmit(,0),2", V4, silent=True)
case(
    "tables: an access list behind a MAC table",
    """dl_src=02:00:00:00:00:11,actions=resubmit(,10)
    table=10,priority=5,tcp,tp_dst=22,actions=drop
    table=10,priority=4,ip,actions=resubmit(,20)
    table=20,priority=9,ip,nw_dst=10.2.0.0/16,actions=2
    table=20,ip,nw_dst=0.0.0.0/1,actions=3""",
    [tcp(dport=22), tcp(), tcp(l3=ip4(dst="10.3.0.1")), tcp(l2=eth(src=OTHER)), tcp(l3=ip4(dst="200.0.0.1")), arp()],
)

# Action sets.

ACTION_SETS = {
    "write": "actions=write_actions(output:2)",
    "the last output counts": "actions=write_actions(output:2),goto_table:1\ntable=1,actions=write_actions(output:3)",
    "apply before write": "ip,actions=4,write_actions(mod_nw_dst:10.9.9.9,output:2)",
    "changes come before the output": "ip,actions=write_actions(output:2,mod_dl_dst:02:00:00:00:00:77,mod_nw_dst:10.9.9.9)",
    "clear": (
        "actions=write_actions(output:2),goto_table:1\n"
        "table=1,tcp,actions=clear_actions\n"
        "table=1,priority=1,udp,actions=drop"
    ),
    "clear and write": (
        "actions=write_actions(output:2),goto_table:1\n"
        "table=1,actions=clear_actions,write_actions(output:3)"
    ),
    "merged over tables": (
        "ip,actions=write_actions(mod_nw_dst:10.9.9.9),goto_table:1\n"
        "table=1,ip,actions=write_actions(output:2,mod_nw_src:10.8.8.8)"
    ),
    "push and set in their order": "actions=write_actions(output:2,push_vlan:0x8100,set_field:4106->vlan_vid)",
    "dec_ttl": "ip,actions=write_actions(dec_ttl,output:2)",
    "no output, nothing": "ip,actions=3,write_actions(mod_nw_dst:10.9.9.9)",
    "a table without a match keeps the set": "actions=write_actions(output:2),goto_table:9",
    "with a group and an output": "actions=write_actions(group:1,output:2)",
}
for name, rules in ACTION_SETS.items():
    groups = ("group_id=1,type=all,bucket=actions=3,bucket=actions=4",) if "group" in name else ()
    case(f"action set: {name}", rules, V4 + [tcp6(), arp()], version=15, groups=groups)

# Metadata and registers.

REGISTERS = {
    "write_metadata": (
        "tcp,actions=write_metadata:0x5,goto_table:1\n"
        "priority=1,actions=goto_table:1\n"
        "table=1,metadata=5,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "write_metadata masked": (
        "actions=write_metadata:0xff,goto_table:1\n"
        "table=1,actions=write_metadata:0x10/0xf0,goto_table:2\n"
        "table=2,metadata=0x1f,actions=2\n"
        "table=2,priority=1,actions=3"
    ),
    "load": (
        "tcp,actions=load:7->NXM_NX_REG0[],resubmit(,1)\n"
        "priority=1,actions=resubmit(,1)\n"
        "table=1,reg0=7,actions=2\n"
        "table=1,priority=1,reg0=0,actions=3"
    ),
    "load of a part": (
        "actions=load:0xffffffff->NXM_NX_REG1[],load:0->NXM_NX_REG1[8..15],resubmit(,1)\n"
        "table=1,reg1=0xffff00ff,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "set_field": (
        "actions=set_field:0x1234->reg2,resubmit(,1)\n"
        "table=1,reg2=0x1234,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "set_field masked": (
        "actions=set_field:0xff->reg3,set_field:0x10/0xf0->reg3,resubmit(,1)\n"
        "table=1,reg3=0x1f,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "match under a mask": (
        "tcp,actions=load:0x1234->NXM_NX_REG4[],resubmit(,1)\n"
        "priority=1,actions=resubmit(,1)\n"
        "table=1,reg4=0x1200/0xff00,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "move of a field to a register": (
        "ip,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG5[],resubmit(,1)\n"
        "table=1,reg5=0x0a010101,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "move of a register to a field": "ip,actions=load:0x01020304->NXM_NX_REG6[],move:NXM_NX_REG6[]->NXM_OF_IP_DST[],2",
    "the last register": (
        "actions=load:1->NXM_NX_REG15[],resubmit(,1)\n"
        "table=1,reg15=1,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "output to a register": (
        "tcp,actions=load:2->NXM_NX_REG0[],output:NXM_NX_REG0[]\n"
        "priority=1,actions=load:3->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]"
    ),
    "output to a register with the input port": "actions=load:1->NXM_NX_REG0[],output:NXM_NX_REG0[],3",
    "output to a register with a reserved port": "actions=load:0xfff8->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]",
    "in_port moved to a register": (
        "actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],resubmit(,1)\n"
        "table=1,reg0=1,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "xreg": (
        "actions=set_field:0x0000000500000006->xreg0,resubmit(,1)\n"
        "table=1,reg0=5,reg1=6,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "registers of a called table stay": (
        "actions=resubmit(,1),resubmit(,2)\n"
        "table=1,tcp,actions=load:1->NXM_NX_REG0[]\n"
        "table=2,reg0=1,actions=2\n"
        "table=2,priority=1,actions=3"
    ),
    "a decision kept": (
        "tcp,actions=load:2->NXM_NX_REG9[],goto_table:1\n"
        "udp,actions=load:3->NXM_NX_REG9[],goto_table:1\n"
        "table=1,ip,actions=mod_dl_src:02:00:00:00:00:99,output:NXM_NX_REG9[]"
    ),
    "metadata moved": (
        "actions=write_metadata:0x77,goto_table:1\n"
        "table=1,actions=move:OXM_OF_METADATA[0..31]->NXM_NX_REG0[],resubmit(,2)\n"
        "table=2,reg0=0x77,actions=2\n"
        "table=2,priority=1,actions=3"
    ),
    "stack": (
        "actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],load:6->NXM_NX_REG0[],pop:NXM_NX_REG1[],resubmit(,1)\n"
        "table=1,reg0=6,reg1=5,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "stack over tables": (
        "actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[0..7],resubmit(,1)\n"
        "table=1,actions=pop:NXM_NX_REG2[0..7],resubmit(,2)\n"
        "table=2,reg2=5,actions=2\n"
        "table=2,priority=1,actions=3"
    ),
    "pop of an empty stack": "actions=load:5->NXM_NX_REG0[],pop:NXM_NX_REG0[],2",
}
for name, rules in REGISTERS.items():
    case(f"registers: {name}", rules, V4 + [tcp6(), arp()])

# in_port.

BOTH = [tcp(), at(2, tcp())]
case("in_port: an output to where it came from does nothing", "actions=1,2\npriority=40000,in_port=2,actions=1,2", BOTH)
case("in_port: load of another, then output", "in_port=1,actions=load:0->NXM_OF_IN_PORT[],1,2", V4)
case("in_port: set, then all", "actions=load:3->NXM_OF_IN_PORT[],all", V4)
case("in_port: pushed and popped", "actions=push:NXM_OF_IN_PORT[],load:0->NXM_OF_IN_PORT[],1,pop:NXM_OF_IN_PORT[],1,2", V4)
case("in_port: in_port after resubmit with another", "in_port=1,actions=resubmit(3,1)\ntable=1,in_port=3,actions=in_port", V4)

# Groups.

def group(number, kind, *buckets):
    return ",".join([f"group_id={number}", f"type={kind}", *(f"bucket={b}" for b in buckets)])


A1, A2 = "mod_dl_src:02:00:00:00:00:a1", "mod_dl_dst:02:00:00:00:00:a2"
GROUPS = {
    "all": (group(1, "all", "actions=2", "actions=3"), "actions=group:1"),
    "all with changes of each bucket": (group(1, "all", f"actions={A1},2", "actions=3", f"actions={A2},4"), "actions=group:1"),
    "what a bucket changes does not stay": (group(1, "all", "actions=mod_nw_dst:10.9.9.9,2"), "ip,actions=group:1,3"),
    "all with an empty bucket": (group(1, "all", "actions=drop", "actions=4"), "actions=group:1"),
    "indirect": (group(2, "indirect", f"actions={A1},3"), "actions=group:2,2"),
    "fast failover takes the first that is up": (
        group(3, "ff", "watch_port:2,actions=2", "watch_port:3,actions=3"),
        "actions=group:3",
    ),
    "select of one bucket": (group(4, "select", "actions=2"), "actions=group:4"),
    "select with a weight of none": (group(4, "select", "weight:0,actions=2", "weight:5,actions=3"), "actions=group:4"),
    "bucket that goes on in a table": (
        group(5, "all", "actions=resubmit(,1)", "actions=4"),
        "actions=group:5\ntable=1,tcp,actions=2\ntable=1,priority=1,actions=3",
    ),
    "bucket with a register": (
        group(6, "all", "actions=load:2->NXM_NX_REG0[],output:NXM_NX_REG0[]", "actions=3"),
        "actions=group:6",
    ),
}
for name, (text, rules) in GROUPS.items():
    case(f"group: {name}", rules, V4 + [tcp6(), arp()], groups=(text,))
case(
    "group: that uses a group",
    "actions=group:8",
    V4,
    groups=(group(7, "all", "actions=2", "actions=3"), group(8, "all", f"actions={A1},group:7", "actions=4")),
)
SELECT = group(9, "select", "weight:1,actions=2", "weight:1,actions=3", "weight:2,actions=4")
ANY = frozenset({2, 3, 4})
MANY = [udp(sport=n) for n in range(1, 16)]
case("group: select takes a bucket, for the same packet the same", "actions=group:9", MANY, groups=(SELECT,), choice=ANY)
case("group: select in an action set", "actions=write_actions(group:9)", MANY, groups=(SELECT,), choice=ANY, version=15)
case(
    "group: select by fields",
    "actions=group:10",
    MANY,
    groups=("group_id=10,type=select,selection_method=hash,fields=ip_src,bucket=actions=2,bucket=actions=3",),
    choice=frozenset({2, 3}),
)

# learn. The packets come once, in this order, and each may add a rule.

MAC_LEARNING = """table=0,priority=1,actions=learn(table=1,hard_timeout=300,NXM_OF_VLAN_TCI[0..11],
    NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,1)
    table=1,priority=0,actions=flood"""
case(
    "learn: MAC learning",
    MAC_LEARNING,
    conversation(10),
    times=1,
    settles=True,
)
def back(sport):
    return tcp(l3=ip4(src=IP_DST, dst=IP_SRC), sport=sport, dport=1000)


case(
    "learn: a pinhole for the way back",
    """in_port=1,tcp,actions=learn(table=5,priority=9,eth_type=0x0800,nw_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],
    NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],output:NXM_OF_IN_PORT[]),2
    in_port=2,actions=resubmit(,5)
    table=5,priority=1,actions=4""",
    [at(2, back(2000)), at(1, tcp()), at(2, back(2000)), at(2, back(2001))],
    times=1,
    settles=True,
)
case(
    "learn: load of a register",
    """table=0,udp,actions=learn(table=6,eth_type=0x800,nw_proto=17,NXM_OF_UDP_SRC[],load:0x9->NXM_NX_REG3[0..7]),
    resubmit(,6),resubmit(,7)
    table=7,reg3=9,actions=2
    table=7,priority=1,actions=3""",
    [udp(), udp(sport=1001), udp()],
    times=1,
    settles=True,
)

# The rest.

OTHERS = {
    "clone": "ip,actions=clone(mod_nw_dst:10.9.9.9,2),3",
    "clone of a table's walk": (
        "ip,actions=clone(load:1->NXM_NX_REG0[],resubmit(,1)),resubmit(,1)\n"
        "table=1,reg0=1,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "clone in a clone": "ip,actions=clone(mod_dl_src:02:00:00:00:00:a1,clone(mod_dl_dst:02:00:00:00:00:a2,2),3),4",
    "exit ends all": "actions=resubmit(,1),4\ntable=1,tcp,actions=2,exit,3\ntable=1,priority=1,actions=3",
    "exit before outputs": "tcp,actions=exit,2\npriority=1,actions=3",
    "note does nothing": "actions=note:01.02.03.04,2",
    "multipath with one link": (
        "actions=multipath(symmetric_l4,1024,modulo_n,1,0,NXM_NX_REG0[]),resubmit(,1)\n"
        "table=1,reg0=0,actions=2\n"
        "table=1,priority=1,actions=3"
    ),
    "bundle of one": "actions=bundle(symmetric_l4,0,hrw,ofport,slaves:3)",
    "bundle active_backup": "actions=bundle(eth_src,0,active_backup,ofport,slaves:2,3)",
    "bundle_load": "actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[],slaves:3,2),output:NXM_NX_REG0[]",
    "cookies and timeouts do not matter": (
        "cookie=0x12,idle_timeout=100,hard_timeout=200,tcp,actions=2\n"
        "cookie=0x13,priority=1,actions=3"
    ),
    "a meter below its rate": "actions=meter:1,2",
}
for name, rules in OTHERS.items():
    meters = ("meter=1,pktps,burst,band=type=drop,rate=100000,burst_size=1000",) if "meter" in name else ()
    case(f"more: {name}", rules, V4 + [tcp6(), arp()], meters=meters, version=15 if meters else None)
case(
    "more: multipath takes one of the links",
    """actions=multipath(symmetric_l4,1024,modulo_n,3,0,NXM_NX_REG0[0..15]),resubmit(,1)
    table=1,reg0=0,actions=2
    table=1,reg0=1,actions=3
    table=1,reg0=2,actions=4""",
    MANY,
    choice=ANY,
)
case("more: bundle takes one of the ports", "actions=bundle(symmetric_l4,0,hrw,ofport,slaves:2,3,4)", MANY, choice=ANY)
