"""HubSpot's search: filter groups, sorts, paging up to ten thousand results."""

from collections.abc import Callable, Iterable
from typing import Any

from apps.sandbox.hubspot.errors import invalid, objects_in
from apps.sandbox.hubspot.properties import comparable
from apps.sandbox.hubspot.schema import MODIFIED
from apps.sandbox.ledger import Row, Table

MOST_RESULTS = 10_000
MOST_PER_PAGE = 200
Test = Callable[[Row], bool]
Types = dict[str, dict[str, Any]]
Holder = Callable[[str, str], str | None]

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: a == b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
}


def matching(table: Table, body: Any, *, kind: str, types: Types, holder: Holder) -> list[Row]:
    """Every live row that fits, sorted; the default order is the id's. `holder` finds who has a unique value."""
    groups = _groups(body)
    tests = [[_test(one, types=types) for one in group["filters"]] for group in groups]
    query = str(body.get("query") or "").lower()
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or not all(isinstance(one, str | dict) for one in sorts):
        raise invalid("sorts: expected a list of names or {propertyName, direction}")
    rows = []
    for row in _candidates(table, groups, kind=kind, types=types, holder=holder):
        if row["archived"] or (query and query not in " ".join(row["properties"].values()).lower()):
            continue
        if not tests or any(all(test(row) for test in group) for group in tests):
            rows.append(row)
    return _sorted(rows, sorts, types=types)


def page_bounds(body: Any) -> tuple[int, int]:
    """Start and length of the page asked for."""
    try:
        start, limit = int(body.get("after") or 0), int(body.get("limit", 10))
    except (TypeError, ValueError) as error:
        raise invalid("after and limit: expected whole numbers") from error
    if not 0 < limit <= MOST_PER_PAGE:
        raise invalid(f"limit: expected 1 to {MOST_PER_PAGE}, found {limit}")
    if start + limit > MOST_RESULTS:
        raise invalid("The search paging limit of 10000 results is reached; move a filter forward instead")
    return start, limit


def _groups(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict):
        raise invalid("expected an object with filterGroups")
    bare = [{"filters": body["filters"]}] if body.get("filters") else []
    groups = objects_in(body, field="filterGroups") if body.get("filterGroups") else bare
    sizes = [len(objects_in(group, field="filters")) for group in groups]
    if len(groups) > 5 or any(size > 6 for size in sizes) or sum(sizes) > 18:
        raise invalid("filterGroups: at most 5 groups, 6 filters in each, 18 in all")
    return groups


def _candidates(
    table: Table, groups: list[dict[str, Any]], *, kind: str, types: Types, holder: Holder
) -> Iterable[Row]:
    """A unique value names its row. Else rows are kept by last change, so a lower bound on it spares the older ones."""
    named = [_named(group, types=types) for group in groups]
    if groups and all(named):
        held = {holder(value, name) for name, value in filter(None, named)}
        yield from (table.rows[row_id] for row_id in held if row_id is not None)
        return
    name = MODIFIED.get(kind, "hs_lastmodifieddate")
    bounds = []
    for group in groups:
        own = [f for f in group["filters"] if f.get("propertyName") == name and f.get("operator") in ("GT", "GTE")]
        bounds.append(comparable("datetime", str(own[0].get("value"))) if own else None)
    known = [bound for bound in bounds if bound is not None]
    if not groups or len(known) != len(bounds):
        yield from table.rows.values()
        return
    oldest = min(known)
    for row in table.newest_first():
        if (comparable("datetime", row["properties"][name]) or 0) < oldest:
            return
        yield row


def _named(group: dict[str, Any], *, types: Types) -> tuple[str, str] | None:
    """The unique property a group pins down, with its value."""
    for one in group["filters"]:
        name = str(one.get("propertyName")) if isinstance(one, dict) else ""
        is_unique = name == "hs_object_id" or types.get(name, {}).get("hasUniqueValue")
        if is_unique and one.get("operator") == "EQ" and one.get("value"):
            return name, str(one["value"])
    return None


def _test(one: Any, *, types: Types) -> Test:
    if not isinstance(one, dict):
        raise invalid("filters: expected {propertyName, operator, value}")
    name, operator = str(one.get("propertyName")), str(one.get("operator"))
    if name not in types:
        raise invalid(
            f"There was a problem with the request: unknown property {name}", context={"propertyName": [name]}
        )
    type_ = types[name]["type"]
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return lambda row: bool(row["properties"].get(name)) is (operator == "HAS_PROPERTY")
    if operator in ("IN", "NOT_IN"):
        values = one.get("values")
        if not isinstance(values, list):
            raise invalid(f"filters: {name} {operator} needs values, a list")
        wanted = {comparable(type_, str(value)) for value in values}
        return lambda row: (_value(row, name, type_) in wanted) is (operator == "IN")
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        token = str(one.get("value") or "").strip("*").lower()
        return lambda row: (token in (row["properties"].get(name) or "").lower()) is (operator == "CONTAINS_TOKEN")
    if "value" not in one:
        raise invalid(f"filters: {name} {operator} needs a value")
    wanted_value = comparable(type_, str(one["value"]))
    if wanted_value is None:
        raise invalid(f"filters: {one['value']!r} is no {type_} for {name}")
    if operator == "NEQ":
        return lambda row: _value(row, name, type_) not in (None, wanted_value)
    if operator == "BETWEEN":
        highest = comparable(type_, str(one.get("highValue")))
        if highest is None:
            raise invalid(f"filters: {name} BETWEEN needs a highValue that is a {type_}")
        return lambda row: (value := _value(row, name, type_)) is not None and wanted_value <= value <= highest
    if operator not in _ORDERED:
        raise invalid(f"filters: unknown operator {operator}")
    compare = _ORDERED[operator]
    return lambda row: (value := _value(row, name, type_)) is not None and compare(value, wanted_value)


def _sorted(rows: list[Row], sorts: list[Any], *, types: Types) -> list[Row]:
    rows.sort(key=lambda row: int(row["id"]))
    if not sorts:
        return rows
    first = sorts[0]
    spec = {"propertyName": first} if isinstance(first, str) else first
    name = str(spec.get("propertyName", "")).lstrip("-")
    if name not in types:
        raise invalid(f"sorts: unknown property {name}", context={"propertyName": [name]})
    descends = spec.get("direction") == "DESCENDING" or str(spec.get("propertyName")).startswith("-")
    have = [row for row in rows if row["properties"].get(name)]
    lack = [row for row in rows if not row["properties"].get(name)]
    have.sort(key=lambda row: _value(row, name, types[name]["type"]), reverse=descends)
    return have + lack


def _value(row: Row, name: str, type_: str) -> Any:
    text = row["properties"].get(name)
    return comparable(type_, text) if text else None
