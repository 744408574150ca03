"""Inbound CloudEvents: the Standard Webhooks signature, and one event or a batch taken apart."""

from collections.abc import Iterable

from apps.connectors import standard_webhooks
from apps.connectors.base import RawEvent, Request
from apps.connectors.inbound import digest, instant_of_text, json_items, lenient_object, short
from apps.connectors.webhooks.events import PREFIX, correlation_of


def verify(request: Request, *, secrets: Iterable[str]) -> None:
    """Raise Rejected unless one of the secrets signed the body within five minutes of now."""
    standard_webhooks.check(request.headers, body=request.body, secrets=secrets)


def split(request: Request) -> list[RawEvent]:
    """One raw event per CloudEvent; one without an id is kept all the same, so that it becomes a case."""
    return [_raw(item) for item in json_items(request.body)]


def _raw(item: bytes) -> RawEvent:
    event = lenient_object(item)
    event_id, source = event.get("id"), event.get("source")
    known = isinstance(event_id, str) and event_id
    family = str(event.get("type") or "unknown").removeprefix(PREFIX).partition(".")[0]
    return RawEvent(
        # An id is unique within its source only.
        external_id=f"{short(event_id)}@{short(source)}" if known else digest(item.hex()),
        subject=f"{short(family, most=30)}:{short(event.get('subject') or event_id or '', most=120)}",
        occurred_at=instant_of_text(event.get("time")),
        body=item,
        correlation_id=correlation_of(event),
    )
