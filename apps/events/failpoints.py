"""Failpoints: places where a test may kill or freeze this process, named by the environment variable FAILPOINT.

They exist so that the promise "kill it anywhere" is tested on the code that runs in production; unset, each costs
one comparison with None.
"""

import os
import signal
import threading

from django.conf import settings

KILLED = 137
_lock = threading.Lock()
_left: dict[str, int] = {}


def reach(name: str) -> None:
    """Die here at once, as by kill -9, when this is the failpoint asked for.

    "name", "name:3" for the third time, "name:3:freeze" to stop there until somebody sends SIGCONT.
    """
    if settings.FAILPOINT is None:
        return
    wanted, _, rest = settings.FAILPOINT.partition(":")
    if wanted != name:
        return
    count, _, ending = rest.partition(":")
    with _lock:
        _left[name] = _left.get(name, int(count or 1)) - 1
        is_here = _left[name] == 0
    if is_here and ending == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif is_here:
        os._exit(KILLED)
