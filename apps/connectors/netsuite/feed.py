"""What changed in NetSuite since a point in time, by SuiteQL: it tells nobody by itself."""

import json
from datetime import UTC, timedelta

from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import to_json
from apps.connectors.base import Changes, RawEvent
from apps.connectors.exchange import Exchange
from apps.connectors.inbound import digest
from apps.connectors.netsuite import rows
from apps.connectors.netsuite.invoices import Invoices
from apps.connectors.netsuite.service import PAGE, Service
from apps.core import clock

MOST_PAGES = 20
# A change may be seen before one that was stamped earlier and saved later; what is seen twice has the same id.
OVERLAP_S = 120.0
FIRST_LOOK_BACK = timedelta(days=1)
EVENT_TYPE = "invoice.changed"


async def changes(
    exchange: Exchange, cursor: str, *, service: Service, invoices: Invoices, overlap_s: float
) -> Changes:
    """Our invoices that changed. Pages by (change, id); the cursor is the last change seen, UTC, whole seconds."""
    start = rows.instant({"cursor": cursor}, "cursor") if cursor else clock.now().replace(tzinfo=None) - FIRST_LOOK_BACK
    since, after_id = (start - timedelta(seconds=overlap_s)).isoformat(timespec="seconds"), "0"
    events: list[RawEvent] = []
    latest = start.isoformat(timespec="seconds")
    for _ in range(MOST_PAGES):
        found = await service.rows(exchange, rows.invoices_since(since, after_id))
        events += [to_raw(status) for status in await invoices.statuses(exchange, found)]
        if not found:
            break
        since, after_id = rows.text(found[-1], "modified"), rows.text(found[-1], "id")
        latest = max(latest, since)
        if len(found) < PAGE:
            break
    return Changes(events=events, cursor=latest)


def to_raw(status: InvoiceStatus) -> RawEvent:
    """One event; its id changes whenever anything shown of the invoice does, for stamps are whole seconds."""
    body = {"type": EVENT_TYPE, "invoice": to_json(status)}
    written = json.dumps(body, separators=(",", ":")).encode()
    return RawEvent(
        external_id=f"{status.ref}:{status.version}:{digest(written)[:16]}",
        subject=f"invoice:{status.ref}",
        occurred_at=rows.instant({"modified": status.version}, "modified").replace(tzinfo=UTC),
        body=written,
    )
