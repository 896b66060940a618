"""`swctl doctor` on real guests that get no packets, each for a reason of its own:

    private (QEMU works in a copy of its memory), hidden (in memory that cannot be shared), asleep (its interface is down)
"""

import json

import pytest

from guest import Guest, Nic
from scale import long_only

# What is other than in guest.py's command.
MEMORY = {
    "private": ("share=on", "share=off"),
    "hidden": ("memory-backend-memfd", "memory-backend-ram"),
}


def findings(switch):
    found = json.loads(switch.run("--json", "doctor").stdout)["findings"]
    return {(f["check"], f["about"]): f for f in found if f["about"] in ("private", "hidden", "asleep")}


@pytest.fixture
def scene(request, switch_factory, guest_image):
    switch = switch_factory()
    switch.swctl("pmd", "set", "--idle-us", 100, "--sleep-us", 1000)  # guests boot on its core, too
    guests = {}
    for n, name in enumerate(("private", "hidden", "asleep")):
        path = f"{switch.run_dir}/{name}.sock"
        switch.swctl("add-port", name, "type=vhost-user", f"path={path}")
        guest = guests[name] = Guest(name, switch.run_dir, guest_image, [Nic(path, f"52:54:00:00:00:0{n}")], memory_mb=128)
        request.addfinalizer(guest.kill)
        guest.command = [word.replace(*MEMORY.get(name, ("", ""))) for word in guest.command]
        guest.start().run_on({0, 1})
    for guest in guests.values():
        guest.wait_ready()
    return switch, guests


@long_only
def test_memory_that_is_not_shared_is_told_from_an_interface_that_is_down(scene):
    switch, guests = scene
    for name in ("private", "hidden"):
        guests[name].check("ip link set eth0 up")
    found = findings(switch)
    private, hidden, asleep = found["guest-memory", "private"], found["links", "hidden"], found["guest-memory", "asleep"]
    assert private["level"] == "problem" and "does not share its memory" in private["text"] and "share=on" in private["mend"]
    assert hidden["level"] == "problem" and "does not share the guest's memory" in hidden["text"] and "share=on" in hidden["mend"]
    assert asleep["level"] == "warning" and "was never up" in asleep["text"] and "ip link set" in asleep["mend"]
    guests["asleep"].check("ip link set eth0 up")
    switch.wait(lambda: ("guest-memory", "asleep") not in findings(switch), "end of the finding")
