"""Evidence of a case as a table of fields: what came in, what we understood, what we sent, what was answered. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

COLUMNS = (("source", "Came in"), ("canonical", "Understood as"), ("sent", "Sent"), ("answer", "Answered"))
LONGEST_CELL = 400
MOST_ROWS = 200
MISSING = object()


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as text; `missing` when this side does not have the field."""

    text: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field across all sides. `differs` when two sides have it and do not agree."""

    path: str
    cells: tuple[Cell, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """The table: its columns, its rows with differences first, and how many rows are not shown."""

    columns: tuple[str, ...]
    rows: tuple[FieldRow, ...]
    left_out: int = 0


def field_diff(evidence: Mapping[str, Any]) -> FieldDiff:
    """The structured sides of `evidence`, field by field."""
    sides = [(title, dict(_flat(evidence[key]))) for key, title in COLUMNS if _is_structured(evidence.get(key))]
    paths = list(dict.fromkeys(path for _, fields in sides for path in fields))
    rows = [_row(path, [fields.get(path, MISSING) for _, fields in sides]) for path in paths]
    rows.sort(key=lambda row: not row.differs)
    return FieldDiff(tuple(title for title, _ in sides), tuple(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS))


def raw_texts(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every side whole, as indented JSON or as the text it is."""
    known = dict(COLUMNS)
    keys = [*(key for key in known if key in evidence), *(key for key in evidence if key not in known)]
    return [(known.get(key, key), _text(evidence[key])) for key in keys if evidence[key] not in (None, "", {}, [])]


def _is_structured(side: Any) -> bool:
    return isinstance(side, Mapping | list) and bool(side)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, value


def _row(path: str, values: Sequence[Any]) -> FieldRow:
    present = [_same_form(value) for value in values if value is not MISSING]
    differs = len(present) > 1 and any(value != present[0] for value in present)
    return FieldRow(path, tuple(_cell(value) for value in values), differs)


def _same_form(value: Any) -> Any:
    """Amounts are compared as numbers: "283534.00" and 283534 are the same money."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return Decimal(str(value)).normalize()
        except InvalidOperation:
            return value
    return value


def _cell(value: Any) -> Cell:
    if value is MISSING:
        return Cell("", missing=True)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Cell(text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…")


def _text(side: Any) -> str:
    return side if isinstance(side, str) else json.dumps(side, indent=2, ensure_ascii=False, default=str)
