"""OVN on chassis with our datapath: a central database, and for each chassis an Open vSwitch with its own swd.

    a   ...                                     ...   b
    |                                                 |
   br-int   br-phy --eth1 ==== veth ==== eth1-- br-phy   br-int
       \\____/ 192.0.2.1       (Geneve)       192.0.2.2 \\____/
"""

import os
import shutil
import tempfile

from netns import Netns
from ovs_plugin import OvsPlugin
from switch import Daemon

SCHEMAS = {"nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema"}
PROGRAMS = ("ovn-northd", "ovn-controller", "ovn-nbctl")


def why_not():
    """What is missing, or None."""
    missing = [p for p in PROGRAMS if not shutil.which(p)] + [s for s in SCHEMAS.values() if not os.path.exists(s)]
    return f"{missing[0]} is not there: install ovn-central and ovn-host" if missing else None


class Chassis(OvsPlugin):
    def __init__(self, central, name, address):
        super().__init__()
        self.central, self.name, self.address = central, name, address
        self.env["OVN_RUNDIR"] = self.dir
        self.controller = None

    def start(self):
        """As docs/ovs-plugin.md has it, section OVN."""
        self.start_db()
        self.start_swd()
        self.start_vswitchd()
        self.vsctl("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=swd", "--", "add-port", "br-phy", "eth1")
        self.ns.ip("address", "add", f"{self.address}/24", "dev", "br-phy")
        self.ns.ip("link", "set", "br-phy", "up")
        ids = {
            "system-id": self.name, "ovn-bridge-datapath-type": "swd", "ovn-remote": self.central,
            "ovn-encap-type": "geneve", "ovn-encap-ip": self.address,
        }  # fmt: skip
        self.vsctl("set", "open_vswitch", ".", *(f"external-ids:{key}={value}" for key, value in ids.items()))
        self.controller = self._daemon("ovn-controller", f"unix:{self.dir}/db.sock", "-vconsole:info")
        return self

    def add_vif(self, name, mac, address, gateway):
        """A guest's namespace on the logical port `name`."""
        ns = Netns()
        self.guests.append(ns)
        self.ns.veth(f"vif-{name}", ns, "eth0", up=False)
        ns.ip("link", "set", "eth0", "address", mac, "up")
        self.ns.ip("link", "set", f"vif-{name}", "up")
        ns.ip("address", "add", f"{address}/24", "dev", "eth0")
        ns.ip("route", "add", "default", "via", gateway)
        ns.checksums_in_software("eth0")
        self.vsctl("add-port", "br-int", f"vif-{name}", "--", "set", "interface", f"vif-{name}", f"external-ids:iface-id={name}")
        return ns

    def close(self):
        if self.controller is not None:
            self.controller.kill()
        super().close()


class Ovn:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="swd-")
        self.socket = f"unix:{self.dir}/ovn.sock"
        self.daemons, self.chassis = [], []

    def start(self, n_chassis):
        tools = OvsPlugin.tool
        files = [f"{self.dir}/{name}.db" for name in SCHEMAS]
        made = [Chassis(self.socket, f"host{n + 1}", f"192.0.2.{n + 1}") for n in range(n_chassis)]
        self.chassis = made
        for file, schema in zip(files, SCHEMAS.values()):
            tools(made[0], "ovsdb-tool", "create", file, schema)
        self._daemon("ovsdb-server", *files, f"--remote=p{self.socket}", f"--unixctl={self.dir}/db.ctl").wait_line("Open vSwitch")
        self._daemon("ovn-northd", f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}", f"--unixctl={self.dir}/northd.ctl")
        made[0].ns.veth("eth1", made[1].ns, "eth1")
        for chassis in made:
            chassis.start()
        return self

    def _daemon(self, *words):
        self.daemons.append(Daemon([*words, "-vconsole:info"], {0}))
        return self.daemons[-1]

    def nbctl(self, *words):
        """Returns when all chassis have done it."""
        return self.chassis[0].tool("ovn-nbctl", f"--db={self.socket}", "--timeout=20", "--wait=hv", *words)

    def logs(self):
        logs = [(f"{d.name} (pid {d.pid})", d.output()) for d in self.daemons]
        for chassis in self.chassis:
            logs += chassis.logs()
            logs += [] if chassis.controller is None else [(f"ovn-controller of {chassis.name}", chassis.controller.output())]
        return logs

    def close(self):
        for chassis in self.chassis:
            chassis.close()
        for daemon in self.daemons:
            daemon.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
