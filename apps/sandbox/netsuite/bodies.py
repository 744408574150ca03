"""A request body against a record type: names in their own spelling, references resolved, values checked."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.errors import invalid_content, invalid_value
from apps.sandbox.netsuite.schema import RecordType

VENDOR = "netsuite"


class Bodies:
    """Reads bodies; keeps no state but the ledger it resolves references in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def read(self, record: RecordType, body: Any, *, strict_names: bool) -> Row:
        """Only the fields given; None clears. Unknown names are dropped unless `strict_names`."""
        if not isinstance(body, dict):
            raise invalid_content("Invalid content in the request body: expected a JSON object.")
        return self._fields(record.fields, body, record=record, path="", strict=strict_names)

    def reference(self, value: Any, *, types: tuple[str, ...], field: str, path: str) -> Row:
        """{"id"}, {"externalId"} or a bare id, as {"id", "type"}; INVALID_CONTENT when nothing is behind it."""
        asked = value if isinstance(value, dict) else {"id": value}
        for name in types:
            table = self._ledger.table(VENDOR, name)
            if asked.get("id") not in (None, ""):
                row = table.rows.get(str(asked["id"]))
            else:
                row = table.find(str(asked.get("externalId")))
                row = row if row is not None and row.get("externalId") else None
            if row is not None:
                return {"id": row["id"], "type": name}
        raise invalid_value(value, field=field, path=path)

    def _fields(
        self, known: dict[str, tuple[str, str]], body: Row, *, record: RecordType, path: str, strict: bool
    ) -> Row:
        taken: Row = {}
        for given, value in body.items():
            if given[:4].lower() == "cust" and given.lower() not in known:
                taken[given.lower()] = value
                continue
            found = known.get(given.lower())
            if found is None:
                if strict:
                    raise invalid_content(f"Unknown reference or field name {given}.", path=path + given)
                continue
            name, kind = found
            if kind == "read":
                continue
            where = path + name
            if value is None:
                taken[name] = None
            elif kind == "sublist":
                taken[name] = self._lines(record.lines[name], value, record=record, path=where, strict=strict)
            elif kind.startswith("ref:"):
                types = tuple(kind[4:].split(","))
                taken[name] = self.reference(value, types=types, field=name, path=where)
            else:
                taken[name] = _PLAIN[kind](value, field=name, path=where)
        return taken

    def _lines(
        self, known: dict[str, tuple[str, str]], value: Any, *, record: RecordType, path: str, strict: bool
    ) -> list[Row]:
        items = value.get("items") if isinstance(value, dict) else value
        if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
            raise invalid_content(f'Invalid content in {path}: expected {{"items": [...]}}.', path=path)
        return [
            self._fields(known, one, record=record, path=f"{path}.items[{number}].", strict=strict)
            for number, one in enumerate(items)
        ]


def merged_lines(old: list[Row], new: list[Row], *, replace: bool) -> list[Row]:
    """A sublist after an update. Without `replace=` lines are ADDED; a line number or a document names an old one."""
    if replace:
        kept: list[Row] = []
    else:
        kept = [dict(line) for line in old]
    for line in new:
        same = next((one for one in kept if _is_same(one, line)), None)
        if same is None:
            kept.append(line)
        else:
            same.update(line)
    return [{**line, "line": number} for number, line in enumerate(kept, start=1)]


def _is_same(one: Row, other: Row) -> bool:
    if other.get("doc"):
        return bool(one.get("doc") and one["doc"]["id"] == other["doc"]["id"])
    return other.get("line") is not None and int(other["line"]) == one.get("line")


def _text(value: Any, *, field: str, path: str) -> str:
    if isinstance(value, dict | list):
        raise invalid_value(value, field=field, path=path)
    text = str(value)
    if len(text) > 4000 or "\x00" in text:
        raise invalid_value(text, field=field, path=path)
    return text


def _number(value: Any, *, field: str, path: str) -> float:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise invalid_value(value, field=field, path=path) from error
    if isinstance(value, bool) or not number.is_finite() or abs(number) > 10**13:
        raise invalid_value(value, field=field, path=path)
    return float(number)


def _date(value: Any, *, field: str, path: str) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError as error:
        raise invalid_value(value, field=field, path=path) from error


def _bool(value: Any, *, field: str, path: str) -> bool:
    if value in (True, "T", "true"):
        return True
    if value in (False, "F", "false"):
        return False
    raise invalid_value(value, field=field, path=path)


def _enum(value: Any, *, field: str, path: str) -> Row:
    """A bare string is taken like {"id": …}."""
    found = value.get("id") if isinstance(value, dict) else value
    if not isinstance(found, str | int):
        raise invalid_value(value, field=field, path=path)
    return {"id": str(found)}


def _subrecord(value: Any, *, field: str, path: str) -> Any:
    return value if isinstance(value, dict) else {"id": str(value)}


_PLAIN: dict[str, Callable[..., Any]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "datetime": _text,
    "bool": _bool,
    "enum": _enum,
    "subrecord": _subrecord,
}
