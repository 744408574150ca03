"""Correlation: one id per business story, carried from the first event to the last log line."""

import contextvars
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

_correlation_id: contextvars.ContextVar[str] = contextvars.ContextVar("correlation_id", default="")
_causation_id: contextvars.ContextVar[str] = contextvars.ContextVar("causation_id", default="")

_FIT = re.compile(r"[A-Za-z0-9._:-]{8,64}\Z")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")


def correlation_id() -> str:
    """The id of the story being worked on, empty outside of any."""
    return _correlation_id.get()


def causation_id() -> str:
    """The id of the event or command that caused what is being done, empty when nothing did."""
    return _causation_id.get()


def new_correlation_id() -> str:
    """A fresh id: 32 hex digits, so that it is a W3C trace id too."""
    return uuid.uuid4().hex


def chosen_correlation_id(header: str | None, traceparent: str | None) -> str:
    """The caller's id when it is fit to be one (``X-Correlation-ID`` before ``traceparent``), else a fresh one."""
    if header and _FIT.match(header):
        return header
    if traceparent and (found := _TRACEPARENT.match(traceparent)):
        return found[1]
    return new_correlation_id()


@contextmanager
def correlated(correlation: str, *, causation: str = "") -> Iterator[None]:
    """Everything inside belongs to the story `correlation`, caused by `causation`."""
    first, second = _correlation_id.set(correlation), _causation_id.set(causation)
    try:
        yield
    finally:
        _correlation_id.reset(first)
        _causation_id.reset(second)
