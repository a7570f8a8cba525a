"""Named points at which a test may kill the process, to prove that nothing is lost there.

A point is armed by the environment variable MEDSUPPLY_FAILPOINT at the start of the process; without it they do
nothing.
"""

from __future__ import annotations

import os
import signal

POINTS = ("received", "archived", "parsed", "staged", "merged", "counted", "committed", "published")
COMPACTING = ("day_written", "day_noted", "day_closed", "files_swept")
RETAINING = ("retention_noted", "retention_deleted")
_ARMED = os.environ.get("MEDSUPPLY_FAILPOINT", "")


def reached(point: str) -> None:
    """Die here, as by kill -9, when this point is armed."""
    if point == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)
