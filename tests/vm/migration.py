"""Moves a guest from one QEMU to another one on this machine, over a Unix socket.

   with Migration(source, target) as moving:
       moving.hold()    # all of the guest's memory has been sent once; the guest runs on, for as long as one likes
       moving.finish()  # or moving.cancel()
"""

import os
import time

from guest import GuestError
from monitor import seconds

FIRST_BYTES_S = 40 << 20  # the guest's memory takes two seconds, so that something happens meanwhile
LAST_BYTES_S = 4 << 20  # its last part: there is time to notice the end
LAST_BYTES = 4 << 20
HELD_BYTES_S = 1024  # a page each tenth of a second: there is always more to send
DOWNTIME_MS = 500  # what QEMU may plan for at the end


class Migration:
    """Does not end before it is told to, if the guest writes a megabyte now and then."""

    def __init__(self, source, target):
        self.guests = source, target
        self.path = f"{target.qmp_path}.migration"
        self.report = None  # QEMU's, when it has finished
        self.resumed = None  # the host's clock then

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
        """Returns when all memory has been sent once. QEMU has asked then which pages changed, and sends few of these."""
        deadline = time.monotonic() + timeout
        near = False
        while True:
            now = self.source.execute("query-migrate")
            if now["status"] != "active" or time.monotonic() > deadline:
                raise GuestError(f"{self.guests[0].name}: its migration does not go on: {now}")
            if now["ram"]["dirty-sync-count"] > 1:
                return self._limit(1, HELD_BYTES_S)
            if now["ram"]["remaining"] < LAST_BYTES and not near:
                near = True
                self._limit(1, LAST_BYTES_S)
            time.sleep(0.02)

    def cancel(self):
        """The guest stays where it is; the QEMU that waited for it ends."""
        self.source.execute("migrate_cancel")
        self.source.wait_event("MIGRATION", status="cancelled")
        self.guests[1].process.wait(20)

    def finish(self):
        """Returns when the guest runs in the other QEMU; the one that it left is ended."""
        self._limit(DOWNTIME_MS, 0)
        self.resumed = seconds(self.target.wait_event("RESUME"))
        self.source.wait_event("MIGRATION", status="completed")
        self.report = self.source.execute("query-migrate")
        self.guests[0].kill()
