"""Reading one HubSpot object: every value is a text or missing, and what cannot be read says where it stands."""

import functools
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Never

import pycountry

from apps.core.errors import BadInput

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,12})?(?:[eE][+-]?[0-9]{1,2})?\Z", re.ASCII)
_LIMIT, _DIGITS = Decimal(10) ** 14, 6
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MILLISECONDS = re.compile(r"-?[0-9]{11,14}\Z", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no", ""})


class Record:
    """A deal, line item or company; its properties are asked for by our words."""

    __slots__ = ("_kind", "_names", "_properties", "id")

    def __init__(self, given: Any, *, kind: str, names: Mapping[str, str]) -> None:
        if not isinstance(given, dict) or not isinstance(given.get("properties"), dict) or not given.get("id"):
            raise BadInput(
                f"HubSpot sent a {kind} without id or properties", path=kind, mend="Open it in HubSpot, then replay."
            )
        self.id = str(given["id"])
        self._kind = kind
        self._names = names
        self._properties = given["properties"]

    def text(self, word: str) -> str:
        """The value without surrounding blanks; empty when there is none."""
        value = self._properties.get(self._names[word])
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.bad(word, f"{str(value)[:60]!r} is not a text")
        if "\x00" in value:
            raise self.bad(word, "holds the character U+0000")
        return value.strip()

    def decimal(self, word: str) -> Decimal | None:
        """An exact number, None when there is none."""
        text = self.text(word)
        if not text:
            return None
        if not _NUMBER.match(text):
            raise self.bad(word, f"{text[:60]!r} is not a number such as 1500.00")
        found = Decimal(text)
        if abs(found) >= _LIMIT or found != round(found, _DIGITS):
            raise self.bad(word, f"{text[:60]!r} is too large or has more than {_DIGITS} digits after the point")
        return found

    def required_decimal(self, word: str) -> Decimal:
        """As `decimal`; raises BadInput when there is none."""
        found = self.decimal(word)
        return self.missing(word) if found is None else found

    def whole(self, word: str) -> int | None:
        """A whole number, None when there is none."""
        found = self.decimal(word)
        if found is None:
            return None
        if found != int(found):
            raise self.bad(word, f"{found} is not a whole number")
        return int(found)

    def day(self, word: str) -> date | None:
        """A day, from YYYY-MM-DD, an instant (its day in UTC, as HubSpot keeps dates) or milliseconds."""
        text = self.text(word)
        if not text:
            return None
        try:
            if _MILLISECONDS.match(text):
                return datetime.fromtimestamp(int(text) / 1000, UTC).date()
            if _DAY.match(text):
                return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text).date()
        except (ValueError, OverflowError, OSError):
            pass
        raise self.bad(word, f"{text[:60]!r} is not a day such as 2026-11-30")

    def flag(self, word: str) -> bool:
        """Yes or no; no when there is no value."""
        text = self.text(word).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self.bad(word, f"{text[:60]!r} is neither true nor false")

    def bad(self, word: str, what: str) -> BadInput:
        """What to raise for a value of this object that cannot be used."""
        name = self._names[word]
        return BadInput(
            f"HubSpot {self._kind} {self.id}: property {name}: {what}.",
            path=name,
            mend=f"Correct {name} in HubSpot, then replay.",
        )

    def missing(self, word: str) -> Never:
        """Raise for a property that must be there."""
        raise self.bad(word, "is empty")


def country(record: Record) -> str:
    """ISO 3166 alpha-2 from a code or an English name; HubSpot keeps countries as free text."""
    text = record.text("country")
    code = _country_code(text) if text else ""
    if code is None:
        raise record.bad("country", f"{text[:60]!r} is neither a country code such as DE nor a country's name")
    return code


@functools.lru_cache(maxsize=1024)
def _country_code(text: str) -> str | None:
    try:
        found: str = pycountry.countries.lookup(text).alpha_2
    except LookupError:
        return None
    return found
