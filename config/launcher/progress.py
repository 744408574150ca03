"""The lines a person sees while Tieout starts: what is done and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_started = time.monotonic()


def say(text: str) -> None:
    """One line with the seconds since the start. A closed terminal is no reason to fail."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{time.monotonic() - _started:7.1f} s  {text}\n")
        sys.stdout.flush()


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Announce a stage when it is done, with its own duration."""
    began = time.monotonic()
    yield
    say(f"{name} ({time.monotonic() - began:.1f} s)")
