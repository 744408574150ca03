"""Keeps every part running, and stops every part: after Ctrl-C, a signal, or the end of whoever started us."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from config.embedded.errors import EmbeddedServiceError
from config.launcher.errors import CannotStartError
from config.launcher.guardian import Guardian
from config.launcher.parts import Part
from config.launcher.progress import say

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0
# A part that ran this long was healthy: its next death starts with the short delay again.
HEALTHY_AFTER_S = 60.0
PATIENCE_S = 10.0
TICK_S = 0.2


class StopAsked(Exception):
    """Somebody wants Tieout to stop."""


@dataclass
class _Tended:
    part: Part
    pid: int
    since: float
    delay_s: float = FIRST_DELAY_S
    again_at: float | None = None


class Supervisor:
    """Starts parts in order, watches them, and stops them in the opposite order."""

    def __init__(self) -> None:
        self._guardian = Guardian()
        self._tended: list[_Tended] = []
        self._asked_by: str = ""
        self._hurry = False
        self._parent = os.getppid()
        # nohup ignores the hang-up: whoever types that wants Tieout to outlive its terminal.
        self._outlives_parent = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or not self._outlives_parent:
                signal.signal(number, self._note_signal)

    def start(self, part: Part) -> None:
        """Start a part and keep it running from now on."""
        part.start()
        pid = part.pid()
        if pid is None:
            raise CannotStartError(f"{part.name} ended at once. The reason is at the end of {part.log()}")
        self._guardian.watch(pid, ask=part.ask)
        self._tended.append(_Tended(part, pid, time.monotonic()))

    def wait_until(self, ready: Callable[[], bool], *, what: Callable[[], str], timeout_s: float) -> None:
        """Tend the parts until something is ready. Raises StopAsked, or CannotStartError with `what` is wrong."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                raise CannotStartError(f"{what()} (waited {timeout_s:.0f} s)")
            self.tend()

    def tend(self) -> None:
        """One round: see who died, start again who has waited long enough. Raises StopAsked."""
        self.check_wishes()
        for tended in self._tended:
            self._look_after(tended)
        time.sleep(TICK_S)

    def check_wishes(self) -> None:
        """Raises StopAsked when somebody wants us to stop."""
        if not self._outlives_parent and os.getppid() != self._parent:
            self._asked_by = self._asked_by or "its parent ended"
        if self._asked_by:
            raise StopAsked(self._asked_by)

    def stop(self) -> None:
        """Stop every part: programs together, then the servers they use. A second Ctrl-C kills at once."""
        self._end([tended for tended in self._tended if not tended.part.stops_last])
        self._end([tended for tended in self._tended if tended.part.stops_last])
        self._tended.clear()
        self._guardian.dismiss()

    def _look_after(self, tended: _Tended) -> None:
        part, now = tended.part, time.monotonic()
        if tended.again_at is None:
            if part.pid() is not None:
                return
            self._guardian.forget(tended.pid)
            if not part.stops_last:
                # Workers of a killed worker would go on beside the new ones.
                _kill_group(tended.pid)
            if now - tended.since > HEALTHY_AFTER_S:
                tended.delay_s = FIRST_DELAY_S
            tended.again_at = now + tended.delay_s
            say(f"{part.name} died; starting it again in {tended.delay_s:.0f} s. Its log: {part.log()}")
        elif now >= tended.again_at:
            self._start_again(tended)

    def _start_again(self, tended: _Tended) -> None:
        tended.delay_s = min(tended.delay_s * 2, LONGEST_DELAY_S)
        tended.again_at = time.monotonic() + tended.delay_s
        try:
            tended.part.start()
        except (EmbeddedServiceError, OSError) as error:
            say(f"{tended.part.name} did not start: {error}")
            return
        pid = tended.part.pid()
        if pid is not None:
            self._guardian.watch(pid, ask=tended.part.ask)
            tended.pid, tended.since, tended.again_at = pid, time.monotonic(), None
            say(f"{tended.part.name} runs again")

    def _end(self, ending: list[_Tended]) -> None:
        for tended in reversed(ending):
            if (pid := tended.part.pid()) is not None:
                _signal(pid, tended.part.ask)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not self._hurry and any(each.part.pid() for each in ending):
            time.sleep(0.05)
        for tended in ending:
            if (pid := tended.part.pid()) is not None:
                say(f"{tended.part.name} did not end in time and is killed")
                _kill_group(pid)
            else:
                # What a program started itself may be left in its group.
                _kill_group(tended.pid)
            self._guardian.forget(tended.pid)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._hurry = bool(self._asked_by)
        words: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGHUP: "the terminal was closed"}
        self._asked_by = words.get(number, "a signal")


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
