"""The last one out: ends every part when the launcher dies without a word, as after kill -9.

It reads from a pipe which parts run. The kernel closes the pipe with the launcher, however that ends.
Only the standard library is imported: it has to be small and must not fail.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

PATIENCE_S = 10.0


class Guardian:
    """The launcher's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def watch(self, pid: int, *, ask: signal.Signals) -> None:
        """End this process and its group, first by the signal `ask`, should the launcher vanish."""
        self._tell(f"watch {pid} {int(ask)}")

    def forget(self, pid: int) -> None:
        """It has ended; its number may soon belong to another process."""
        self._tell(f"forget {pid}")

    def dismiss(self) -> None:
        """Everything was stopped in good order."""
        self._tell("dismiss")
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            try:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            except OSError:
                # It was killed. We can still stop everything ourselves.
                self._process.stdin = None


def stand_guard(lines: Iterable[str]) -> None:
    """Follow what runs until the pipe closes, then end all that is left."""
    watched: dict[int, int] = {}
    for line in lines:
        word, *numbers = line.split()
        if word == "dismiss":
            return
        if word == "watch":
            watched[int(numbers[0])] = int(numbers[1])
        elif word == "forget":
            watched.pop(int(numbers[0]), None)
    _end(watched)


def _end(watched: dict[int, int]) -> None:
    for pid, ask in watched.items():
        _signal(pid, ask)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(_lives(pid) for pid in watched):
        time.sleep(0.1)
    for pid in watched:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    # A server of PostgreSQL signals its own children; everybody else's group is told at once.
    send = os.kill if number == signal.SIGINT else os.killpg
    try:
        send(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for blocked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(blocked, signal.SIG_IGN)
    stand_guard(sys.stdin)
