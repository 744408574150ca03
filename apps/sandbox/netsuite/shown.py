"""Records and collections as the REST service prints them."""

from typing import Any

from apps.sandbox.http import Answer, Request
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.errors import invalid_content
from apps.sandbox.netsuite.schema import RecordType
from apps.sandbox.netsuite.suiteql.tables import display_name

RECORD_PATH = "/services/rest/record/v1/"
SINGULAR = b"application/vnd.oracle.resource+json; type=singular"
COLLECTION = b"application/vnd.oracle.resource+json; type=collection"
_HIDDEN = frozenset(("states", "amountCredited"))


def address(request: Request, record: RecordType, row_id: str) -> str:
    return f"{request.base}{RECORD_PATH}{record.name}/{row_id}"


def created(request: Request, record: RecordType, row: Row) -> Answer:
    """204 with Location: the normal answer to a write."""
    return Answer(204, headers=[(b"location", address(request, record, row["id"]).encode())])


def one(ledger: Ledger, request: Request, record: RecordType, row: Row) -> Answer:
    """A record; sublists are links unless expandSubResources=true, `fields` keeps only what it names."""
    here = address(request, record, row["id"])
    expand = request.query.get("expandSubResources") == "true"
    wanted = {name.strip().lower() for name in request.query.get("fields", "").split(",") if name.strip()}
    body: dict[str, Any] = {"links": [{"rel": "self", "href": here}]}
    for name, value in row.items():
        if name in _HIDDEN or value is None or (wanted and name.lower() not in wanted and name != "id"):
            continue
        if isinstance(value, list):
            body[name] = _lines(ledger, value, expand=expand, href=f"{here}/{name}")
        elif name == "status":
            body[name] = {"id": value, "refName": value}
        else:
            body[name] = _value(ledger, value)
    return Answer(200, body, content_type=SINGULAR)


def collection(request: Request, record: RecordType, rows: list[Row]) -> Answer:
    """Ids and links only, as the vendor does."""
    limit, offset = page_bounds(request)
    page = rows[offset : offset + limit]
    items = [{"links": [{"rel": "self", "href": address(request, record, r["id"])}], "id": r["id"]} for r in page]
    return Answer(200, paged(items, total=len(rows), offset=offset), content_type=COLLECTION)


def paged(items: list[Any], *, total: int, offset: int) -> dict[str, Any]:
    has_more = offset + len(items) < total
    shown = {"links": [], "count": len(items), "hasMore": has_more, "items": items}
    return {**shown, "offset": offset, "totalResults": total}


def page_bounds(request: Request) -> tuple[int, int]:
    """Limit and offset of a page. Offset must be a multiple of limit, limit at most 1000."""
    given = request.query.get("limit", "1000"), request.query.get("offset", "0")
    if not all(text.isdigit() for text in given):
        raise invalid_content("limit and offset must be whole numbers.")
    limit, offset = int(given[0]), int(given[1])
    if not 0 < limit <= 1000:
        raise invalid_content("limit must be between 1 and 1000.", path="limit")
    if offset % limit:
        raise invalid_content("offset must be divisible by limit.", path="offset")
    return limit, offset


def _lines(ledger: Ledger, lines: list[Row], *, expand: bool, href: str) -> dict[str, Any]:
    links = [{"rel": "self", "href": href}]
    if not expand:
        return {"links": links}
    items = [{name: _value(ledger, value) for name, value in line.items() if value is not None} for line in lines]
    return {"links": links, "items": items, "totalResults": len(items)}


def _value(ledger: Ledger, value: Any) -> Any:
    if isinstance(value, dict) and "type" in value and "id" in value:
        return {"links": [], "id": value["id"], "refName": display_name(ledger, value)}
    if isinstance(value, dict) and set(value) == {"id"}:
        return {"id": value["id"], "refName": value["id"]}
    return value
