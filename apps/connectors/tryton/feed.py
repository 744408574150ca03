"""What changed in Tryton since a point in time: its invoices by time of change and id."""

import json
from datetime import UTC, datetime, timedelta

from apps.connectors.base import Changes, RawEvent
from apps.connectors.inbound import digest
from apps.connectors.tryton import invoice_mapping as mapping
from apps.connectors.tryton import wire
from apps.connectors.tryton.calls import Calls, Record
from apps.connectors.tryton.events import changed_at
from apps.connectors.tryton.ids import Ids
from apps.core import clock

PAGE = 200
MOST_PAGES = 20
FIRST_LOOK_BACK = timedelta(days=1)
# A change is stamped when its transaction writes and seen when it commits; posting takes half a second, a busy
# server many. What is seen twice is stored once.
OVERLAP = timedelta(seconds=60)


async def changes(calls: Calls, cursor: str, *, ids: Ids) -> Changes:
    """Everything changed since the cursor, oldest first. Stops after 4,000 and goes on from there next time."""
    instant, ref = _position(cursor)
    at = (instant - OVERLAP, 0)
    events: list[RawEvent] = []
    for _ in range(MOST_PAGES):
        page = await calls.find(
            mapping.INVOICE,
            mapping.invoices_since(*at, ids=ids),
            fields=mapping.INVOICE_FIELDS,
            limit=PAGE,
            order=mapping.FEED_ORDER,
        )
        events += [_event(record) for record in page]
        if page:
            at = (_naive(changed_at(page[-1])), int(page[-1]["id"]))
        if len(page) < PAGE:
            break
    instant, ref = max(at, (instant, ref))
    return Changes(events=tuple(events), cursor=f"{instant.isoformat()}|{ref}")


def _event(record: Record) -> RawEvent:
    stamp = changed_at(record)
    return RawEvent(
        external_id=digest("poll", mapping.INVOICE, record["id"], stamp.isoformat()),
        subject=f"invoice:{record['id']}",
        occurred_at=stamp,
        body=json.dumps(wire.encoded(record), separators=(",", ":")).encode(),
    )


def _position(cursor: str) -> tuple[datetime, int]:
    instant, _, ref = cursor.partition("|")
    try:
        return _naive(datetime.fromisoformat(instant)), int(ref)
    except ValueError:
        return _naive(clock.now() - FIRST_LOOK_BACK), 0


def _naive(instant: datetime) -> datetime:
    """Tryton's instants are UTC and carry no zone."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
