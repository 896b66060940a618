"""libvirt's daemon of a test's own: what it reads, writes and leaves behind is below one folder, whatever the machine has.

It runs in a mount namespace of its own, where /etc has a layer above it that is thrown away, and /run and /var are other folders.
"""

import os
import pathlib
import shutil

import libvirt

from switch import Daemon

QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
remember_owner = 0
stdio_handler = "file"
hugetlbfs_mount = "{root}/huge"
"""

LIBVIRTD_CONF = """\
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
"""

# The tmpfs takes the layer above /etc: a machine's own /tmp may be a layer already. libvirtd looks for its package's user before
# it reads that another one is wanted.
SETUP = """\
set -e
mount --make-rprivate /
mount -t hugetlbfs hugetlbfs {root}/huge
mount -t tmpfs tmpfs {root}/etc
mkdir {root}/etc/upper {root}/etc/work
mount -t overlay overlay -o lowerdir=/etc,upperdir={root}/etc/upper,workdir={root}/etc/work /etc
mkdir -p /etc/libvirt
rm -rf /etc/libvirt/*
grep -q ^libvirt-qemu: /etc/passwd || echo libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin >> /etc/passwd
grep -q ^libvirt-qemu: /etc/group || echo libvirt-qemu:x:64055: >> /etc/group
cp {root}/qemu.conf {root}/libvirtd.conf /etc/libvirt/
mount --bind {root}/run /run
mount --bind {root}/var /var
exec libvirtd --pid-file {root}/libvirtd.pid
"""


class Libvirtd:
    """`cache`: a folder that outlives it, for what libvirt has found out about QEMU, which takes it some seconds."""

    def __init__(self, root, cache):
        for folder in ("run", "var", "huge", "etc"):
            os.makedirs(f"{root}/{folder}")
        self.root = root
        self.cache = pathlib.Path(cache)
        kept = pathlib.Path(root, "var/cache/libvirt/qemu/capabilities")
        if self.cache.exists():
            shutil.copytree(self.cache, kept)
        pathlib.Path(root, "qemu.conf").write_text(QEMU_CONF.format(root=root))
        pathlib.Path(root, "libvirtd.conf").write_text(LIBVIRTD_CONF)
        self.kept = kept
        self.daemon = Daemon(["unshare", "-m", "sh", "-c", SETUP.format(root=root)], {0})

    def connect(self, wait):
        """`wait(condition, what, timeout)` as a switch's. The answer is a connection of python3-libvirt."""
        path = f"{self.root}/run/libvirt/libvirt-sock"

        def connected():
            assert self.daemon.alive(), self.daemon.output()
            try:
                return libvirt.open(f"qemu:///system?socket={path}")
            except libvirt.libvirtError as problem:
                raise AssertionError(problem) from problem

        libvirt.registerErrorHandler(lambda *_: None, None)  # errors come as exceptions; it would print them, too
        return wait(connected, "connection to libvirtd", 30)

    def stop(self):
        if self.kept.exists():
            shutil.copytree(self.kept, self.cache, dirs_exist_ok=True)
        self.daemon.stop()
