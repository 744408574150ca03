"""Watching a story happen in the running system: waits for what the database shows, and says what it saw."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import close_old_connections

from apps.access.models import User
from apps.core.errors import TieoutError
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.decisions.approval import grant

T = TypeVar("T")
EVERY_S = 0.1


class StoryStuck(TieoutError):
    """What the story waits for did not come in time; the text says what it was and which cases are open."""


def wait_for(what: str, look: Callable[[], T | None], *, timeout_s: float = 60, story: str = "") -> T:
    """What `look` returns once it returns something; raises StoryStuck after `timeout_s`."""
    ends_at = time.monotonic() + timeout_s
    while time.monotonic() < ends_at:
        if found := look():
            return found
        close_old_connections()
        time.sleep(EVERY_S)
    cases = ExceptionCase.objects.filter(state__in=LIVE_STATES, **({"correlation_id": story} if story else {}))
    words = "; ".join(f"{case.number} {case.kind}: {case.cause[:200]}" for case in cases[:3]) or "no case is open"
    raise StoryStuck(f"waited {timeout_s:.0f} s for {what}; {words}")


def agree(*, story: str, by: dict[str, str]) -> list[Approval]:
    """Grant what this story asked for, each role by the user name `by` gives it. Returns what was granted."""
    granted = []
    for approval in Approval.objects.filter(correlation_id=story, state=ApprovalState.REQUESTED).order_by("pk"):
        person = User.objects.get(username=by[approval.role])
        granted.append(grant(approval.pk, by=person.actor, why="as agreed"))
    return granted


@contextmanager
def timed(say: Callable[[str], None], stop: str) -> Iterator[list[str]]:
    """Say a stop of the walk with how long it took; what is put into the list is said with it."""
    started = time.monotonic()
    words: list[str] = []
    yield words
    say(f"{stop:<28} {' · '.join(words)}  ({time.monotonic() - started:.2f} s)")
