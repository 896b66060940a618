"""Moves a guest from one QEMU to another one on this machine, over a Unix socket.

   with Migration(source, target) as moving:
       moving.hold()    # all of the guest's memory has been sent once; the guest runs on, for as long as one likes
       moving.finish()  # or moving.cancel()
"""

import os
import time

from guest import GuestError
from monitor import seconds

FIRST_BYTES_S = 60 << 20  # the guest's memory takes more than a second, so that something happens meanwhile
LAST_BYTES_S = 4 << 20  # its last part: there is time to notice the end
LAST_BYTES = 4 << 20
HELD_BYTES_S = 1024  # a page each tenth of a second: there is always more to send
DOWNTIME_MS = 500  # what QEMU may plan for at the end


class Migration:
    """Does not end before it is told to, if the guest writes a megabyte now and then.

    `still`: QEMU looks for pages that have changed only while the guest does not run, which is stopped for that before the end:
    for guests on hugepages under the TCG of QEMU 7.2 (qemu_command() says why).
    """

    def __init__(self, source, target, still=False):
        self.guests = source, target
        self.still = still
        self.path = f"{target.qmp_path}.migration"
        self.report = None  # QEMU's, when it has finished
        self.resumed = None  # the host's clock when the guest went on
        self.downtime_ms = None  # between its last moment here and its first one there

    def __enter__(self):
        source, target = self.guests
        self.source, self.target = source.monitor(), target.monitor()
        events = [{"capability": "events", "state": True}]
        for monitor in (self.source, self.target):
            monitor.execute("migrate-set-capabilities", capabilities=events)
        self._limit(1, FIRST_BYTES_S)
        self.target.execute("migrate-incoming", uri=f"unix:{self.path}")
        self.source.execute("migrate", uri=f"unix:{self.path}")
        self.source.wait_event("MIGRATION", status="active")
        return self

    def __exit__(self, *_):
        self.source.close()
        self.target.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _limit(self, downtime_ms, bytes_s):
        self.source.execute("migrate-set-parameters", **{"downtime-limit": downtime_ms, "max-bandwidth": bytes_s})

    def hold(self, timeout=60):
        """Returns when all memory has been sent once (`still`: nearly all) and few of the pages that changed are sent on."""
        deadline = time.monotonic() + timeout
        while self._before_end() > LAST_BYTES:
            self._wait(deadline)
        if not self.still:
            self._limit(1, LAST_BYTES_S)
            while self._before_end() > 0:
                self._wait(deadline)
        self._limit(1, HELD_BYTES_S)

    def _before_end(self):
        """Bytes that remain of the first time."""
        now = self.source.execute("query-migrate")
        if now["status"] != "active":
            raise GuestError(f"{self.guests[0].name}: its migration does not go on: {now}")
        return now["ram"]["remaining"] if now["ram"]["dirty-sync-count"] == 1 else 0

    def _wait(self, deadline):
        if time.monotonic() > deadline:
            raise GuestError(f"{self.guests[0].name}: its migration takes too long")
        time.sleep(0.02)

    def cancel(self):
        """The guest stays where it is; the QEMU that waited for it ends."""
        self.source.execute("migrate_cancel")
        self.source.wait_event("MIGRATION", status="cancelled")
        self.guests[1].process.wait(20)

    def finish(self):
        """Returns when the guest runs in the other QEMU; the one that it left is ended."""
        if self.still:
            self.source.execute("stop")
        self._limit(DOWNTIME_MS, 0)
        stopped = seconds(self.source.wait_event("STOP"))
        self.source.wait_event("MIGRATION", status="completed")
        if self.still:
            self.target.wait_event("MIGRATION", status="completed")
            self.target.execute("cont")
        self.resumed = seconds(self.target.wait_event("RESUME"))
        self.downtime_ms = round(1000 * (self.resumed - stopped))
        self.report = self.source.execute("query-migrate")
        self.guests[0].kill()
