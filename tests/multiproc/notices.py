# SPDX-License-Identifier: Apache-2.0
"""What processes say of those for whom they wait long."""
import re

STOP = 10  # seconds that a debugger holds a process


def notices(actor, *parts):
    """The lines of the actor's log that say whom it waits for and have all of the parts."""
    lines = [line for line in actor.stderr().splitlines() if "waiting for" in line]
    return [line for line in lines if all(part in line for part in parts)]


def silence(actor):
    """For how many seconds the one that it waits for has given no sign, as it was told last."""
    found = re.findall(r"given no sign for ([\d.]+) s", "\n".join(notices(actor)))
    return float(found[-1]) if found else 0
