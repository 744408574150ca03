"""What changed in HubSpot since a point in time, by search: the net below the webhooks, which may be lost."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.connectors.base import Changes, RawEvent
from apps.connectors.exchange import Exchange
from apps.connectors.inbound import digest
from apps.core import clock
from apps.core.errors import BadInput

PAGE = 200
# HubSpot answers no query beyond this many results; the next query starts at the last time stamp seen.
MOST_RESULTS = 10_000
MOST_PAGES = 150
# Search lags behind by seconds, so each poll looks back; what it sees twice has the same external id.
OVERLAP_S = 60.0
FIRST_LOOK_BACK_S = 24 * 3600.0
MODIFIED = "hs_lastmodifieddate"
Url = Callable[..., str]


async def changes(exchange: Exchange, cursor: str, *, url: Url, settings: Mapping[str, Any]) -> Changes:
    """Deals changed since, and the deals of line items changed since. The cursor keeps one time (ms) for each."""
    overlap_ms = int(float(settings.get("overlap_s", OVERLAP_S)) * 1000)
    marks = _marks(cursor)
    deals, deal_mark, deal_gap = await _changed(exchange, "deals", marks[0], overlap_ms, url=url)
    items, item_mark, item_gap = await _changed(exchange, "line_items", marks[1], overlap_ms, url=url)
    found = [_event("deal", ref, stamp) for ref, stamp in deals.items()]
    if items:
        # Which item of a deal changed is not told here: the latest change among them makes the id new.
        latest = max(items.values())
        owners = await deals_of_line_items(exchange, list(items), url=url)
        found += [_event("deal", ref, latest, of="line_items") for ref in owners]
    return Changes(events=found, cursor=f"{deal_mark}|{item_mark}", gap=deal_gap or item_gap)


async def deals_of_line_items(exchange: Exchange, ids: list[str], *, url: Url) -> list[str]:
    """The deals that line items belong to, each once."""
    found: dict[str, None] = {}
    for start in range(0, len(ids), 100):
        body = {"properties": ["name"], "inputs": [{"id": one} for one in ids[start : start + 100]]}
        address = _associations_url(url)
        answer = exchange.read(await exchange.send("POST", address, json=body, is_read=True), is_read=True)
        for result in _list(answer, "results"):
            found |= {
                str(to["toObjectId"]): None for to in _list(result, "to") if isinstance(to, dict) and "toObjectId" in to
            }
    return list(found)


def associated(record: Mapping[str, Any], kind: str) -> list[str]:
    """Ids of the associated objects, each once, the primary one first."""
    part = record.get("associations")
    results = part.get(kind, part.get(kind.replace(" ", "_"))) if isinstance(part, dict) else None
    if not isinstance(results, dict):
        return []
    found = [one for one in _list(results, "results") if isinstance(one, dict) and one.get("id")]
    found.sort(key=lambda one: str(one.get("type", "")).endswith("_unlabeled"))
    return list(dict.fromkeys(str(one["id"]) for one in found))


async def _changed(
    exchange: Exchange, kind: str, mark_ms: int, overlap_ms: int, *, url: Url
) -> tuple[dict[str, int], int, bool]:
    """Ids with their last change, the time to go on from, and whether some could not be reached."""
    found: dict[str, int] = {}
    since, after, latest, gap = mark_ms - overlap_ms, 0, mark_ms, False
    for _ in range(MOST_PAGES):
        body = {
            "filterGroups": [{"filters": [{"propertyName": MODIFIED, "operator": "GTE", "value": str(since)}]}],
            "sorts": [{"propertyName": MODIFIED, "direction": "ASCENDING"}],
            "properties": [MODIFIED],
            "limit": PAGE,
            "after": str(after),
        }
        answer = exchange.read(await exchange.send("POST", url(kind, "search"), json=body))
        page = dict(_stamped(_list(answer, "results")))
        found |= page
        latest = max([latest, *page.values()])
        if not _has_next(answer):
            return found, latest, gap
        after += PAGE
        if after >= MOST_RESULTS:
            # Ten thousand with one time stamp: those beyond cannot be asked for, a reconciliation has to find them.
            gap = gap or latest <= since
            since, after = max(latest, since + 1), 0
    return found, latest, gap


def _stamped(results: Iterable[Any]) -> Iterable[tuple[str, int]]:
    for result in results:
        try:
            instant = datetime.fromisoformat(result["properties"][MODIFIED])
            yield str(result["id"]), int(instant.replace(tzinfo=instant.tzinfo or UTC).timestamp() * 1000)
        except (TypeError, KeyError, ValueError) as error:
            raise BadInput(
                f"HubSpot's search found an object without id or {MODIFIED}", path=MODIFIED, mend="Poll again."
            ) from error


def _event(kind: str, ref: str, stamp_ms: int, *, of: str = "") -> RawEvent:
    body = {"subscriptionType": f"{kind}.poll", "objectId": ref, "occurredAt": stamp_ms, "changeSource": "POLL"}
    return RawEvent(
        external_id=digest("poll", of or kind, ref, stamp_ms),
        subject=f"{kind}:{ref}",
        occurred_at=datetime.fromtimestamp(stamp_ms / 1000, UTC),
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


def _marks(cursor: str) -> tuple[int, int]:
    first, _, second = cursor.partition("|")
    start = int((clock.now().timestamp() - FIRST_LOOK_BACK_S) * 1000)
    return (int(first) if first.isdigit() else start, int(second) if second.isdigit() else start)


def _associations_url(url: Url) -> str:
    address = url("line_items", "deals", "batch", "read")
    dated = address.replace("/crm/objects/", "/crm/associations/")
    return dated.replace("/crm/v3/objects/", "/crm/v4/associations/")


def _has_next(answer: Mapping[str, Any]) -> bool:
    paging = answer.get("paging")
    return isinstance(paging, dict) and bool(paging.get("next"))


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []
