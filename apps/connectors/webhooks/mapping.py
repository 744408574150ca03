"""Our announcements as CloudEvents, and the answers to them in canonical words. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.canonical.base import Amount, Canonical, Text
from apps.canonical.codec import load_json_object, read, to_json
from apps.canonical.commands import Announce
from apps.canonical.parties import TaxLine, TaxProfile
from apps.connectors.webhooks.events import PREFIX
from apps.core.errors import BadInput

CONTENT_TYPE = "application/cloudevents+json"
SOURCE = "/tieout"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class TaxQuote(Canonical):
    """The tax of one invoice as the engine sees it."""

    treatment: Text
    jurisdiction: Text
    lines: tuple[TaxLine, ...]
    total_tax: Amount


def to_event(command: Announce, *, event_id: str, at: datetime, source: str, correlation_id: str) -> bytes:
    """One structured CloudEvent. The id is the idempotency key: the receiver knows a resend by it."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": PREFIX + command.type,
        "subject": command.subject,
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": command.body,
    }
    if correlation_id:
        event["correlationid"] = correlation_id
    return _encode(event).encode()


def answer_data(body: bytes) -> dict[str, Any]:
    """The data of an answering CloudEvent, empty when it carries none; raises BadInput when it is no event."""
    event = load_json_object(body)
    data = event.get("data", {})
    if event.get("specversion") != "1.0" or not isinstance(data, dict):
        raise BadInput(
            "the answer is no CloudEvent 1.0 with an object in data", path="data", mend="Correct the answering system."
        )
    return data


def to_tax_profile(data: Mapping[str, Any]) -> dict[str, Any]:
    """TaxProfile as JSON; raises BadInput naming the field that is wrong."""
    return to_json(read(TaxProfile, _only(TaxProfile, data)))


def to_tax_quote(data: Mapping[str, Any]) -> dict[str, Any]:
    """TaxQuote as JSON; raises BadInput when a field is wrong or the lines do not add up to the total."""
    lines = data.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise BadInput("the tax quote has no lines", path="lines", mend="Correct the tax engine's answer.")
    quote = read(TaxQuote, {**_only(TaxQuote, data), "lines": [_only(TaxLine, line) for line in lines]})
    total = sum((line.amount for line in quote.lines), Decimal(0))
    if total != quote.total_tax:
        raise BadInput(
            f"the tax lines add up to {total}, total_tax says {quote.total_tax}",
            path="total_tax",
            mend="Ask for the tax again.",
        )
    return to_json(quote)


def _only(kind: type[Canonical], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields we know; an answer may carry more, such as its reference."""
    return {name: given[name] for name in kind.model_fields if name in given}
