"""What an operator does to rules, groups and meters is done whole, shown as it was meant, and there after kill -9.

    operator (swctl) ---> swctld ---> database        (no swd)
"""

import re

import pytest

RULES = """
cookie=0x1a,priority=10,tcp,nw_dst=10.0.0.0/8,tp_dst=80,actions=dec_ttl,resubmit(,5)
table=5,priority=7,idle_timeout=600,hard_timeout=900,in_port=3,vlan_tci=0x1000/0x1000,actions=strip_vlan,output:4
table=5,reg0=0x1/0xff,metadata=0x5,actions=move:NXM_NX_REG0[0..7]->NXM_NX_REG1[8..15],set_field:02:00:00:00:00:01->eth_dst,NORMAL
table=6,ipv6,ipv6_src=fd00::/8,actions=write_actions(output:2),goto_table:7
table=7,arp,arp_op=1,actions=learn(table=8,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),drop
table=7,udp,tp_src=1000-1999,actions=meter:3,group:9
table=254,importance=5,send_flow_rem,mpls,mpls_label=5,actions=pop_mpls:0x0800,group:9
""".replace(
    "),drop\n", ")\n"
)
GROUPS = "group_id=9,type=select,bucket=weight:3,actions=output:1,bucket=actions=output:2\ngroup_id=10,type=all,bucket=group:9\n"
METERS = "meter=3,kbps,burst,band=type=drop,rate=1000,burst_size=100\n"


@pytest.fixture
def switch(switch_factory):
    switch = switch_factory(start=False)
    switch.start_swctld()
    for n in range(1, 5):  # rules name ports
        switch.swctl("add-port", f"p{n}", "type=dpdk", f"devargs=net_null{n}")
    return switch


def fill(switch):
    switch.swctl("add-groups", "-", stdin=GROUPS)
    switch.swctl("add-meters", "-", stdin=METERS)
    switch.swctl("replace-flows", "-", stdin=RULES)


def state(switch):
    return [switch.swctl(*c) for c in (["dump-flows", "--no-stats"], ["dump-groups"], ["dump-meters"])]


def kill_and_restart(switch):
    switch.swctld.kill()
    switch.start_swctld()


def test_what_is_dumped_without_stats_can_be_added_again_to_the_same(switch):
    fill(switch)
    flows, groups, meters = before = state(switch)
    assert len(flows.splitlines()) > 10 and "in_port=p3" in flows  # a range is several
    assert "differ" not in switch.swctl("diff-flows", "-", stdin=flows)
    assert switch.swctl("replace-flows", "-", stdin=flows) == "nothing changed\n"
    for command in ("del-flows", "del-groups", "del-meters"):
        switch.swctl(command)
    assert state(switch) == ["# no rules\n", "# no groups\n", "# no meters\n"]
    for command, dump in zip(("add-flows", "add-groups", "add-meters"), state(switch)):
        assert switch.swctl(command, "-", stdin=dump) == "nothing changed\n"
    switch.swctl("add-groups", "-", stdin=groups)
    switch.swctl("add-meters", "-", stdin=meters)
    switch.swctl("add-flows", "-", stdin=flows)
    assert state(switch) == before
    numbers = switch.swctl("dump-flows", "--no-stats", "--no-names")
    assert "in_port=3" in numbers
    assert switch.swctl("replace-flows", "-", stdin=numbers) == "nothing changed\n"


def test_rules_groups_and_meters_survive_kill_9(switch):
    fill(switch)
    before = state(switch)
    kill_and_restart(switch)
    assert state(switch) == before


def test_rules_are_shown_in_ovs_ofctls_form(switch):
    fill(switch)
    form = re.compile(
        r" cookie=0x[0-9a-f]+, duration=\d+\.\d{3}s, table=\d+, n_packets=\d+, n_bytes=\d+, (idle_timeout=\d+, )?(hard_timeout=\d+, )?"
        r"(importance=\d+, )?(send_flow_rem, )?idle_age=\d+, (hard_age=\d+, )?priority=\d+(,[^ ]+)? actions=[^ ]+"
    )
    for line in switch.swctl("dump-flows").splitlines():
        assert form.fullmatch(line), line


def test_a_bundle_is_one_change(switch):
    fill(switch)
    text = "flow delete table=7\ngroup modify group_id=9,type=all,bucket=output:p1\nmeter delete\nflow add table=3,actions=group:9\n"
    said = switch.swctl("bundle", "-", stdin="# all at once\n" + text)
    assert "1 group modified" in said and "1 meter deleted" in said and "1 rule added" in said
    kill_and_restart(switch)
    flows, groups, meters = state(switch)
    assert "table=7" not in flows and "table=3, actions=group:9" in flows
    assert "group_id=9,type=all" in groups and meters == "# no meters\n"


def test_modifications_and_strict_deletions(switch):
    switch.swctl("replace-flows", "-", stdin="priority=5,tcp,actions=drop\npriority=6,tcp,actions=drop\npriority=5,tcp,tp_dst=1,actions=drop\n")
    assert switch.swctl("mod-flows", "tcp,tp_dst=1,actions=output:p1") == "1 rule modified\n"
    assert switch.swctl("mod-flows", "--strict", "priority=6,tcp,actions=output:p2") == "1 rule modified\n"
    assert switch.swctl("mod-flows", "udp,actions=output:p2") == "1 rule added\n"
    assert switch.swctl("--strict", "del-flows", "priority=5,tcp") == "1 rule deleted\n"
    assert switch.swctl("dump-flows", "--no-stats").splitlines() == [
        "udp actions=output:p2",
        "priority=6,tcp actions=output:p2",
        "priority=5,tcp,tp_dst=1 actions=output:p1",
    ]
    assert switch.swctl("dump-flows", "--no-stats", "--sort", "tcp").splitlines()[0].startswith("priority=5")
    assert switch.swctl("dump-aggregate", "tcp") == "packet_count=0 byte_count=0 flow_count=2\n"
    assert switch.swctl("dump-tables") == "table 0: active=3, masks=2\n"


def test_differences_are_printed_and_end_with_status_2(switch):
    switch.swctl("replace-flows", "-", stdin="priority=5,tcp,actions=drop\npriority=6,tcp,actions=drop\n")
    done = switch.run("diff-flows", "-", stdin="priority=5,tcp,actions=drop\npriority=6,tcp,actions=NORMAL\nudp,actions=drop\n")
    assert done.returncode == 2
    assert done.stdout.splitlines() == ["+udp actions=drop", "-priority=6,tcp actions=drop", "+priority=6,tcp actions=NORMAL"]
    assert switch.run("diff-flows", "-", stdin=switch.swctl("dump-flows", "--no-stats")).returncode == 0


def test_a_timeout_ends_a_rule_on_disk_too(switch):
    switch.swctl("replace-flows", "-", stdin="priority=5,hard_timeout=1,tcp,actions=drop\npriority=6,tcp,actions=drop\n")
    switch.wait(lambda: len(switch.json("dump-flows")["rules"]) == 1, "the end of the rule")
    kill_and_restart(switch)
    assert [r["priority"] for r in switch.json("dump-flows")["rules"]] == [6]


def test_groups_of_a_removed_port_stay_and_say_that_it_is_gone(switch):
    groups = (
        "group_id=1,type=all,bucket=actions=output:p1,bucket=actions=output:p2\n"
        "group_id=2,type=ff,bucket=watch_port:p2,actions=drop\n"
        "group_id=3,type=all,bucket=actions=output:p1\n"
    )
    switch.swctl("add-groups", "-", stdin=groups)
    whole = switch.swctl("dump-groups")
    said = switch.swctl("del-port", "p2")
    assert said.startswith("groups that name port p2, by its number 2: 2;") and len(said.splitlines()) == 1
    dump = switch.swctl("dump-groups")
    assert [line.partition("  # ")[2] for line in dump.splitlines()] == ["port 2 (p2) is gone", "port 2 (p2) is gone", ""]
    assert [group.get("gone") for group in switch.json("dump-groups")["groups"]] == [[2], [2], None]
    assert switch.swctl("dump-groups", "group_id=2") == dump.splitlines(True)[1]
    switch.swctl("add-port", "p2", "type=null")
    assert switch.swctl("dump-groups") == whole
    switch.swctl("del-groups")
    switch.swctl("add-groups", "-", stdin=dump)  # its comments are skipped
    assert switch.swctl("dump-groups") == whole


def test_a_port_that_swd_has_not_seen_says_so(switch):
    assert switch.swctl("add-port", "p5", "type=null") == "port p5 has number 5\nswd is away: it will check the port's options when it is there\n"


def test_rules_of_a_removed_port_stay_and_say_that_it_is_gone(switch):
    rules = "priority=5,in_port=p1,actions=output:p2,output:p3\npriority=4,in_port=p2,actions=output:p1\npriority=3,actions=drop\n"
    switch.swctl("replace-flows", "-", stdin=rules)
    said = switch.swctl("del-port", "p2")
    assert "by its number 2: 2;" in said
    lines = switch.swctl("dump-flows", "--no-stats").splitlines()
    assert [line.partition("  # ")[2] for line in lines] == ["port 2 (p2) is gone", "port 2 (p2) is gone", ""]
    assert [rule.get("gone") for rule in switch.json("dump-flows")["rules"]] == [[2], [2], None]
    assert "port 2: there is none" in switch.swctl("trace", "in_port=p1,icmp")
    switch.swctl("add-port", "p2", "type=null")
    assert "gone" not in switch.swctl("dump-flows")
    assert switch.swctl("del-port", "p4") == ""
