"""A part of the running system: how it starts, whether it lives, how it is asked to end."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from config.embedded.places import log_file

LARGEST_LOG = 20_000_000


class Part(Protocol):
    """What the supervisor needs to know of a part."""

    name: str
    ask: signal.Signals
    stops_last: bool

    def start(self) -> None:
        """Start it; called again after it died."""

    def pid(self) -> int | None:
        """Its process id while it lives."""

    def log(self) -> Path:
        """Where it tells why it died."""


@dataclass
class Program:
    """A program of ours, in a process group of its own, with its output in a log file."""

    name: str
    command: Sequence[str]
    home: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ask: signal.Signals = signal.SIGTERM
    stops_last: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _read_to: int = 0

    def start(self) -> None:
        _rotate(self.log())
        self._read_to = self.log().stat().st_size if self.log().exists() else 0
        with self.log().open("ab") as log:
            self._process = subprocess.Popen(
                list(self.command),
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pid(self) -> int | None:
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def new_lines(self) -> list[str]:
        """What it has said since the last call, whole lines only."""
        with self.log().open("rb") as log:
            log.seek(self._read_to)
            whole = log.read().rpartition(b"\n")[0]
        self._read_to += len(whole) + 1 if whole else 0
        return [line for line in whole.decode(errors="replace").split("\n") if line.strip()]

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log().read_text(errors="replace").split("\n") if self.log().exists() else []
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][:300] if said else "it said nothing"

    def log(self) -> Path:
        return log_file(self.home, self.name.replace(" ", "-"))


@dataclass
class Server:
    """An embedded server: it detaches itself and is found again by its pid file."""

    name: str
    home: Path
    begin: Callable[[Path], object]
    find: Callable[[Path], int | None]
    ask: signal.Signals
    stops_last: bool = True

    def start(self) -> None:
        self.begin(self.home)

    def pid(self) -> int | None:
        return self.find(self.home)

    def log(self) -> Path:
        return log_file(self.home, self.name.lower())


def _rotate(log: Path) -> None:
    """Keep one older log, so that a demo left running does not fill the disk."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
