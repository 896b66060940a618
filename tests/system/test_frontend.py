"""The tests' own front end, against a back end that is not ours.

    vm1 (this process) --- net_vhost0 [dpdk-testpmd, io forwarding] net_vhost1 --- vm2 (this process)

When this fails, do not look into swd. Needs Debian's dpdk-dev for dpdk-testpmd.
"""

import os
import shutil

import pytest
from switch import ALL_CORES, Daemon
from vhost_frontend import wait_path

TESTPMD = shutil.which("dpdk-testpmd")
SHAPES = {
    "split": {},
    "event index": {"event_idx": True},
    "indirect": {"indirect": True},
    "many descriptors": {"tx_layout": "200"},
    "not mergeable": {"mergeable": False},
    "packed": {"packed": True},
    "packed, event index": {"packed": True, "event_idx": True},
    "packed, indirect": {"packed": True, "indirect": True},
    "packed, many descriptors": {"packed": True, "tx_layout": "200"},
}

pytestmark = [pytest.mark.without_swd, pytest.mark.skipif(TESTPMD is None, reason="no dpdk-testpmd (Debian's dpdk-dev)")]


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pmd")
    argv = [TESTPMD, "-l", "0,1", "--no-pci", "--in-memory", "--no-telemetry", "-m", "128", "--file-prefix", f"fe{os.getpid()}"]
    for i in (0, 1):
        argv += ["--vdev", f"net_vhost{i},iface={folder}/{i}.sock,queues=2"]
    argv += ["--", "--forward-mode=io", "--rxq=2", "--txq=2", "--nb-cores=1", "--total-num-mbufs=4096", "--stats-period=3600"]
    daemon = Daemon(argv, ALL_CORES)
    try:
        yield [f"{folder}/{i}.sock" for i in (0, 1)]
    finally:
        daemon.stop()


@pytest.mark.parametrize("shape", SHAPES)
def test_frames_pass_whole_and_in_order_both_ways(sockets, guests, shape):
    vm1, vm2 = [guests(path, queues=2, **SHAPES[shape]) for path in sockets]
    for sender, receiver in ((vm1, vm2), (vm2, vm1)):
        wait_path(sender, receiver, b"\x02" * 60)  # testpmd takes a moment to see a new device
        for queue in (0, 1):
            for _ in range(20):
                frames = [os.urandom(60 + 44 * i) for i in range(32)]
                sender.send(*frames, queue=queue)
                assert receiver.recv_n(32, queue=queue) == frames
