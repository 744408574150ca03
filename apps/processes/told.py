"""Told: a stored event that has been read, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.canonical.codec import load_json_object
from apps.connectors.base import Connector
from apps.core.errors import BadInput
from apps.events.models import InboxEvent


@dataclass(frozen=True, slots=True)
class Told:
    """One event in canonical words. `subject` is the vendor's reference for outside events, else empty."""

    event: InboxEvent
    name: str
    payload: Mapping[str, Any]
    subject: str = ""

    @property
    def story(self) -> str:
        """The correlation id it came with."""
        return self.event.correlation_id


def read(event: InboxEvent, connector: Connector | None) -> Told | None:
    """The event in canonical words; None when it is of no interest. Raises BadInput when nobody can read it."""
    body = bytes(event.body)
    if event.name:
        return Told(event, event.name, load_json_object(body))
    if connector is None:
        raise BadInput(
            f"no connector reads events of {event.system!r}", path="system", mend="Connect the system again."
        )
    envelope = connector.parse(body)
    if envelope is None:
        return None
    return Told(event, envelope.name, envelope.payload, envelope.subject)
