"""What a polled Tryton invoice means to us: it changed, or it is none of our business. Pure."""

from datetime import UTC, datetime
from typing import Any

from apps.canonical.codec import load_json_object, to_json
from apps.canonical.events import INVOICE_CHANGED, Envelope
from apps.connectors.tryton import invoice_mapping as mapping
from apps.connectors.tryton import wire
from apps.core.errors import BadInput


def to_envelope(body: bytes) -> Envelope | None:
    """The canonical event; None for a draft, which is our own until it is posted, and for a credit note.

    Raises BadInput for a body that cannot be read.
    """
    try:
        record = wire.decoded(load_json_object(body))
    except ValueError as error:
        raise BadInput(f"Tryton's invoice cannot be read: {error}", mend="Poll again.") from error
    if record.get("type") not in ("out", "in"):
        raise BadInput("this is no invoice of Tryton: it has no type", path="type", mend="Poll again.")
    if record["type"] != "out" or mapping.is_credit_note(record):
        return None
    status = mapping.to_status(record)
    if status.state == "draft":
        return None
    return Envelope(
        name=INVOICE_CHANGED,
        subject=status.key or status.ref,
        occurred_at=changed_at(record),
        payload=to_json(status),
    )


def changed_at(record: Any) -> datetime:
    """When it was last changed, UTC; raises BadInput when the record does not say."""
    instant = record.get("write_date")
    if not isinstance(instant, datetime):
        raise BadInput(
            f"Tryton's invoice {record.get('id')} has no time of change", path="write_date", mend="Poll again."
        )
    return instant.replace(tzinfo=UTC)
