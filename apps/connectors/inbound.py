"""What every webhook check needs: signed JSON taken apart without changing a byte, time windows, bounds. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from apps.core import clock
from apps.core.errors import BadInput, Rejected

WINDOW_S = 5 * 60
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_EVENTS = 1000
_GAP = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
# A vendor's clock may be wrong; one that says the year 9999 is not worth storing.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def required(headers: Any, *names: str) -> list[str]:
    """The headers named; raises Rejected(signature_missing) for the first that is not there."""
    found = []
    for name in names:
        value = headers.get(name)
        if not value:
            raise Rejected(f"The request carries no {name}: it is not signed as expected.", code="signature_missing")
        found.append(value)
    return found


def check_age(sent_at_s: float) -> None:
    """Raises Rejected(signature_stale) for a time more than five minutes away from ours, in either direction."""
    if not abs(clock.now().timestamp() - sent_at_s) <= WINDOW_S:
        raise Rejected(
            "The signature was made more than five minutes before or after now. Check the sender's clock; a replay is refused.",
            code="signature_stale",
        )


def forged() -> Rejected:
    """What is raised when no secret fits."""
    return Rejected("The signature fits none of our secrets for this system.", code="signature_invalid")


def json_items(body: bytes) -> list[bytes]:
    """The bytes of each element of a JSON array, untouched; a lone object counts as an array of one.

    Elements are cut out, not judged: what is wrong with one shows when it is parsed. Raises BadInput when the
    body cannot be cut at all.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadInput(
            f"the body has {len(body)} bytes, at most {MAX_BODY_BYTES} are taken", mend="Send smaller batches."
        )
    try:
        text = body.decode("utf-8").strip(" \t\r\n")
        items = _cut(text) if text.startswith("[") else [_one(text)]
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the body is not JSON: {error}", mend="Send a JSON array of events, UTF-8.") from error
    return [item.encode() for item in items]


def digest(*parts: object) -> str:
    """An id that repeats when the parts do; 40 hex digits."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def instant_of_ms(given: Any) -> datetime:
    """UTC from milliseconds since 1970; now when it is missing or nonsense, for an event is stored in any case."""
    if isinstance(given, int) and not isinstance(given, bool):
        try:
            return _sane(datetime.fromtimestamp(given / 1000, UTC))
        except (ValueError, OverflowError, OSError):
            pass
    return clock.now()


def instant_of_text(given: Any) -> datetime:
    """UTC from ISO 8601; now when it is missing or nonsense. Without a zone it is taken as UTC."""
    if isinstance(given, str):
        try:
            found = datetime.fromisoformat(given)
            return _sane((found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC))
        except (ValueError, OverflowError):
            pass
    return clock.now()


def secrets_of(secret: Any, *names: str) -> list[str]:
    """The secrets present under `names`: the present one, and the previous one while it is being changed."""
    return [value for value in (secret.get(name) for name in names) if isinstance(value, str) and value]


def short(value: Any, *, most: int = 80) -> str:
    """An id from outside, fit to be a key: text without blanks or control characters, or its digest."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if 0 < len(text) <= most and text.isascii() and text.isprintable() and " " not in text:
        return text
    return digest(json.dumps(value, sort_keys=True, default=str))


def lenient_object(item: bytes) -> dict[str, Any]:
    """The object in `item`, empty when it is none: for finding an event's id only."""
    try:
        found = json.loads(item)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sane(instant: datetime) -> datetime:
    return instant if _EARLIEST < instant < _LATEST else clock.now()


def _one(text: str) -> str:
    _, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise ValueError("more follows after the first value")
    return text


def _cut(text: str) -> Iterable[str]:
    items: list[str] = []
    at = _after_gap(text, 1)
    if text[at : at + 1] == "]":
        return items
    while True:
        _, end = _DECODER.raw_decode(text, at)
        items.append(text[at:end])
        if len(items) > MAX_EVENTS:
            raise ValueError(f"more than {MAX_EVENTS} events in one request")
        at = _after_gap(text, end)
        mark = text[at : at + 1]
        if mark == "]" and at + 1 == len(text):
            return items
        if mark != ",":
            raise ValueError("a comma or the end of the array was expected")
        at = _after_gap(text, at + 1)


def _after_gap(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found else at
