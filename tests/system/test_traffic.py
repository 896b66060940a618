"""Hundreds of thousands of frames arrive whole: the benchmark's generator checks each one's length and a sample's bytes.

    bench-gen, port a --- swd --- bench-gen, port b         both ways at once
"""

import json
import subprocess

import pytest
from switch import program

# Frames a second each way are what a sanitizer's build keeps up with.
SHAPES = {
    "64 bytes": "--size 64 --flows 1000 --rate 20000",
    "imix": "--size imix --flows 100 --rate 20000",
    "1500 bytes, two descriptors": "--size 1500 --tx-layout two --rate 10000",
    "9000 bytes, over several buffers": "--size 9000 --tx-layout 2048 --ring 4096 --rate 3000",
    "64 KiB to be segmented": "--size tso --ring 4096 --rate 1000",
}
RINGS = ["mrg", "mrg,packed", "mrg,inorder,event", "mrg,packed,indirect", "mrg,packed,inorder,event,indirect"]


@pytest.fixture(scope="module")
def ports(module_switch_factory):
    switch = module_switch_factory()
    for name in "ab":
        switch.swctl("add-port", name, "type=vhost-user", f"path={switch.run_dir}/{name}.sock")
    switch.swctl("add-flows", "-", stdin="in_port=a,ip,actions=output:b\nin_port=b,ip,actions=output:a\n")
    return [f"vhost:{switch.run_dir}/{name}.sock" for name in "ab"]


@pytest.mark.parametrize("rings", RINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_frame_arrives_whole(shape, rings, ports):
    features = rings + (",csum,tso" if "tso" in SHAPES[shape] else "")
    words = f"--bidir --touch --seconds 0.3 --warmup 0.1 --features {features} {SHAPES[shape]}"
    done = subprocess.run([program("bench-gen"), *words.split(), *ports], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    total = json.loads(done.stdout)["total"]
    assert total["received"] > 100
    assert (total["lost"], total["bad_length"], total["bad_content"], total["foreign"]) == (0, 0, 0, 0)
