"""Failpoints: places where a test may kill this process, named by the environment variable FAILPOINT.

They exist so that the promise "kill it anywhere" is tested on the code that runs in production; unset, each costs
one comparison with None.
"""

import os
import threading

from django.conf import settings

KILLED = 137
_lock = threading.Lock()
_left: dict[str, int] = {}


def reach(name: str) -> None:
    """Die here at once, as by kill -9, when this is the failpoint asked for ("name" or "name:3" for the third time)."""
    if settings.FAILPOINT is None:
        return
    wanted, _, count = settings.FAILPOINT.partition(":")
    if wanted != name:
        return
    with _lock:
        _left[name] = _left.get(name, int(count or 1)) - 1
        if _left[name] <= 0:
            os._exit(KILLED)
