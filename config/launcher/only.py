"""One launcher per run-time folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.launcher.errors import CannotStartError

LOCK = "launcher.lock"


@contextmanager
def only_launcher(home: Path) -> Iterator[None]:
    """Hold the folder for ourselves; the kernel lets go even after kill -9."""
    with (home / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = running_launcher(home)
            raise CannotStartError(
                f"Tieout already runs from {home} (process {pid}). Stop it there with Ctrl-C, or: kill {pid}"
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def running_launcher(home: Path) -> int | None:
    """Process id of the launcher that holds this folder now, or None."""
    file = home / LOCK
    if not file.exists():
        return None
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = lock.read().strip()
            return int(text) if text.isdigit() else None
    return None
