"""The `q` and `ids` filters of a record collection."""

import re
from datetime import UTC, datetime

from apps.sandbox.ledger import Row
from apps.sandbox.netsuite.errors import invalid_content

_CLAUSE = re.compile(r'\s*(\w+)\s+(IS|CONTAIN|START_WITH|ON_OR_AFTER|ANY_OF)\s+("(?:[^"]*)"|\[[^\]]*\]|\S+)\s*$')


def filtered(rows: list[Row], text: str) -> list[Row]:
    """Clauses joined by AND: IS, CONTAIN, START_WITH, ANY_OF [..], ON_OR_AFTER. Anything else is refused."""
    for clause in re.split(r"\s+AND\s+", text):
        found = _CLAUSE.match(clause)
        if found is None:
            raise invalid_content(f"The q filter {clause[:80]!r} is not understood.", path="q")
        field, operator, raw = found.groups()
        rows = [row for row in rows if _fits(row, field, operator, raw)]
    return rows


def _fits(row: Row, field: str, operator: str, raw: str) -> bool:
    name = next((one for one in row if one.lower() == field.lower()), None)
    value = row.get(name) if name else None
    text = str(value.get("id") if isinstance(value, dict) else value if value is not None else "")
    wanted = raw.strip('"')
    if operator == "ANY_OF":
        return text in {one.strip(' "') for one in raw.strip("[]").split(",")}
    if operator == "ON_OR_AFTER":
        return bool(text) and text[:10] >= _day(wanted)
    if operator == "IS":
        return text == wanted
    return wanted.lower() in text.lower() if operator == "CONTAIN" else text.lower().startswith(wanted.lower())


def _day(text: str) -> str:
    try:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC).date().isoformat() if "/" in text else text[:10]
    except ValueError as error:
        raise invalid_content(f"{text!r} is no date; the account's format is M/D/YYYY.", path="q") from error
