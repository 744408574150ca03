"""What a decision was told, checked against what it asks for."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.core.errors import BadInput
from apps.processes.decisions.definition import Input

LONGEST = 200_000


def checked(wanted: Sequence[Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values as their kinds; what nobody asked for is left out. Raises BadInput naming the input."""
    return {each.name: _value(each, given.get(each.name)) for each in wanted}


def _value(wanted: Input, given: Any) -> Any:
    text = str(given if given is not None else "").strip()
    if not text:
        if wanted.required:
            raise BadInput(f"{wanted.label} is missing", path=wanted.name, mend=wanted.help or "Fill it in.")
        return "" if wanted.kind in ("text", "long_text", "choice") else None
    if len(text) > LONGEST or "\x00" in text:
        raise BadInput(f"{wanted.label} cannot be kept", path=wanted.name, mend="Give a shorter, plain text.")
    if wanted.kind == "choice" and text not in {value for value, _ in wanted.choices}:
        raise BadInput(f"{wanted.label}: {text!r} is not on offer", path=wanted.name, mend="Choose one of the list.")
    try:
        return _READ[wanted.kind](text) if wanted.kind in _READ else text
    except (ValueError, InvalidOperation):
        raise BadInput(
            f"{wanted.label}: {text[:40]!r} is no {wanted.kind}", path=wanted.name, mend=_EXAMPLES[wanted.kind]
        ) from None


def _instant(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(text)
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


_READ = {"date": date.fromisoformat, "datetime": _instant, "number": _number}
_EXAMPLES = {
    "date": "Write it like 2026-11-30.",
    "datetime": "Write it like 2026-11-30T09:00.",
    "number": "Write it like 19.5.",
}
