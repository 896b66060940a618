"""Boots guests beside a switch, quickly."""


def boot(switch, configure, *guests):
    """Starts guests and waits for them, then calls configure(guest) for each. They boot on the poll-mode thread's core, too,
    which sleeps meanwhile."""
    switch.swctl("pmd", "set", "--idle-us", 100, "--sleep-us", 1000)
    for guest in guests:
        guest.start()
    for guest in guests:
        guest.run_on({0, 1})
    for guest in guests:
        guest.wait_ready()
        configure(guest)
    for guest in guests:
        guest.run_on({0})
    switch.swctl("pmd", "set", "--idle-us", 0)
