"""Why this machine has no NIC for swd: looked up when asked, never assumed. Other engines are tried, and say it themselves."""

import glob
import os

USER_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
NETWORK_CLASS = "0x02"


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def nics():
    """(address, driver) of each network device on the PCI bus."""
    for device in sorted(glob.glob("/sys/bus/pci/devices/*")):
        if read(f"{device}/class").startswith(NETWORK_CLASS):
            yield os.path.basename(device), os.path.basename(os.path.realpath(f"{device}/driver"))


def nic():
    """A NIC for swd, and the driver that hands it over."""
    drivers = [d for d in USER_DRIVERS if os.path.isdir(f"/sys/bus/pci/drivers/{d}")]
    found = list(nics())
    if not found:
        return "no network device on the PCI bus"
    if not drivers:
        kept = ", ".join(sorted({driver for _, driver in found}))
        return f"{len(found)} network device on the PCI bus, with driver {kept}, and none of {', '.join(USER_DRIVERS)} in this kernel"
    if not any(driver in drivers for _, driver in found):
        return f"no network device is bound to {', '.join(drivers)}: swctl nic bind"
    return "one is bound, but a generator on the far end of its wire is not part of this bench"
