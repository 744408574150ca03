"""Paging by key: each page starts where the last row ended, so the hundredth page costs what the first does."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)

COUNT_CAP = 10_000


class Key(NamedTuple):
    """One column of an order. Rows without a value come last, whichever the direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[M]):
    """One page and the way to its neighbours; addresses are None at either end."""

    rows: Sequence[M]
    total: int
    next_url: str | None
    previous_url: str | None

    @property
    def shown(self) -> int:
        """How many rows this page has."""
        return len(self.rows)

    @property
    def total_text(self) -> str:
        """The count up to the cap: counting a million rows helps nobody."""
        return f"{COUNT_CAP:,}+" if self.total > COUNT_CAP else f"{self.total:,}"


def page_of(rows: QuerySet[M], *, keys: Sequence[Key], query: QueryDict, size: int = 50) -> KeysetPage[M]:
    """The page that ``?after=`` or ``?before=`` asks for; a cursor nobody made shows the first page.

    `keys` must end with a unique column. Two queries.
    """
    backwards = "before" in query
    place = _read(query.get("before") or query.get("after") or "", keys)
    found = rows
    if place is not None:
        try:
            found = found.filter(_beyond(keys, place, backwards=backwards))
        except (ValidationError, ValueError, TypeError):
            place = None
    backwards = backwards and place is not None
    found = found.order_by(*(_ordering(key, backwards=backwards) for key in keys))
    taken = list(found[: size + 1])
    more, taken = len(taken) > size, taken[:size]
    if backwards:
        taken.reverse()
    has_next = bool(taken) and (more or backwards)
    has_previous = bool(taken) and place is not None and (more or not backwards)
    return KeysetPage(
        rows=taken,
        total=rows.order_by()[: COUNT_CAP + 1].count(),
        next_url=_url(query, "after", taken[-1], keys) if has_next else None,
        previous_url=_url(query, "before", taken[0], keys) if has_previous else None,
    )


def _beyond(keys: Sequence[Key], place: Sequence[Any], *, backwards: bool) -> Q:
    """Rows strictly after (or before) a place: equal so far, and beyond in the next column."""
    beyond = Q(pk__in=[])
    equal = Q()
    for key, value in zip(keys, place, strict=True):
        beyond |= equal & _past(key, value, backwards=backwards)
        equal &= _at(key, value)
    # The first column alone, once more: the planner finds a range in it that it does not find in the OR.
    return beyond & (_past(keys[0], place[0], backwards=backwards) | _at(keys[0], place[0]))


def _at(key: Key, value: Any) -> Q:
    return Q(**{f"{key.field}__isnull": True}) if value is None else Q(**{key.field: value})


def _past(key: Key, value: Any, *, backwards: bool) -> Q:
    if value is None:
        return Q(**{f"{key.field}__isnull": False}) if backwards else Q(pk__in=[])
    past = Q(**{f"{key.field}__{'lt' if key.descending != backwards else 'gt'}": value})
    return past if backwards else past | Q(**{f"{key.field}__isnull": True})


def _ordering(key: Key, *, backwards: bool) -> Any:
    column = F(key.field)
    if key.descending != backwards:
        return column.desc(nulls_first=True) if backwards else column.desc(nulls_last=True)
    return column.asc(nulls_first=True) if backwards else column.asc(nulls_last=True)


def _url(query: QueryDict, way: str, row: Model, keys: Sequence[Key]) -> str:
    changed = query.copy()
    changed.pop("after", None)
    changed.pop("before", None)
    changed[way] = _written([getattr(row, key.field) for key in keys])
    return f"?{changed.urlencode()}"


def _written(values: Sequence[Any]) -> str:
    text = json.dumps([_plain(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _read(cursor: str, keys: Sequence[Key]) -> list[Any] | None:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        return None
    simple = isinstance(values, list) and all(value is None or isinstance(value, str | int) for value in values)
    return values if simple and len(values) == len(keys) else None
