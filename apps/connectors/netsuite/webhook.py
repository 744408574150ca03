"""NetSuite's events: it has no webhooks of its own, a tenant's user-event script may send ours, signed."""

from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import from_json, load_json_object, to_json
from apps.canonical.events import INVOICE_CHANGED, Envelope
from apps.connectors import standard_webhooks
from apps.connectors.base import RawEvent, Request
from apps.connectors.inbound import digest, instant_of_text, json_items, lenient_object, short
from apps.connectors.netsuite.feed import EVENT_TYPE
from apps.core.errors import BadInput, Rejected


def verify(request: Request, *, secrets: list[str]) -> None:
    """Raise Rejected unless the script signed the body; it signs as Standard Webhooks do."""
    if not secrets:
        raise Rejected(
            'NetSuite sends no webhooks of its own, and no "webhook_secret" is set for a script that does.',
            code="signature_missing",
        )
    standard_webhooks.check(request.headers, body=request.body, secrets=secrets)


def split(request: Request) -> list[RawEvent]:
    """One raw event per element: {"type": "invoice.changed", "invoice": InvoiceStatus}."""
    return [_raw(item) for item in json_items(request.body)]


def to_envelope(body: bytes) -> Envelope | None:
    """The canonical event, from a poll or from a script; None for an invoice that is not ours. Raises BadInput."""
    event = load_json_object(body)
    if not isinstance(event.get("type"), str):
        raise BadInput("the event has no type", path="type", mend="Correct the script that sends it.")
    if event["type"] != EVENT_TYPE:
        return None
    given = event.get("invoice")
    if not isinstance(given, dict):
        raise BadInput("invoice is not a JSON object", path="invoice", mend="Correct the script that sends it.")
    status = from_json(InvoiceStatus, given)
    if not status.key:
        return None
    return Envelope(
        name=INVOICE_CHANGED, subject=status.ref, occurred_at=instant_of_text(status.version), payload=to_json(status)
    )


def _raw(item: bytes) -> RawEvent:
    event = lenient_object(item)
    given = event.get("invoice")
    invoice = given if isinstance(given, dict) else {}
    return RawEvent(
        external_id=digest(item.hex()),
        subject=f"invoice:{short(invoice.get('ref') or 'unknown')}",
        occurred_at=instant_of_text(invoice.get("version")),
        body=item,
    )
