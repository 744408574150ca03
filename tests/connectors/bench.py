"""A vendor on the bench: its connector, what it can be asked to do, and how often it really did it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from apps.connectors import http
from apps.connectors.base import Call, Connector, Request, SystemFacts
from apps.connectors.http import Door
from apps.connectors.redaction import Redactor
from tests.connectors.line import Line

T = TypeVar("T")
CORRELATION = "0123456789abcdef0123456789abcdef"
TIMEOUT_S = 5.0


@dataclass
class Bench:
    """What the one suite needs of a vendor.

    write:    the n-th command with an effect, always the same for the same n; may prepare the vendor.
    effects:  how often the vendor really carried a write out, counted in its own ledger.
    read:     a command without effect, None for a vendor that cannot be asked anything.
    inbound:  a request of the vendor's, signed now; None for a vendor that sends none.
    bad_events: stored bodies nobody can read, each wrong in its own way.
    """

    code: str
    connector: Connector
    line: Line
    write: Callable[[int], Call]
    effects: Callable[[Call], int]
    read: Callable[[], Call] | None = None
    inbound: Callable[..., Request] | None = None
    bad_events: Sequence[bytes] = ()
    secrets: Sequence[str] = field(default_factory=tuple)


def connect(
    line: Line, *, code: str, vendor: type, path: str, secret: Mapping[str, Any], settings: Mapping[str, Any]
) -> Any:
    """A connector of this class whose calls all go over the line."""
    facts = SystemFacts(
        code=code,
        vendor=code,
        base_url=line.base + path,
        settings={"timeout_s": TIMEOUT_S, **settings},
        secret=secret,
    )
    door = Door(base_url=facts.base_url, redact=Redactor(secret), timeout_s=TIMEOUT_S)
    return vendor(facts, door)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it on a loop of its own and close its connections."""

    async def whole() -> T:
        try:
            return await work
        finally:
            await http.close()

    return asyncio.run(whole())


def secret_texts(secret: Mapping[str, Any]) -> list[str]:
    """Every text in a secret that is long enough to be one."""
    found: list[str] = []
    for value in secret.values():
        if isinstance(value, str) and len(value) > 12:
            found.append(value)
    return found
