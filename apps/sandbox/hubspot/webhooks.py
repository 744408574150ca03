"""HubSpot's webhook events: what is announced, and how a hundred of them become one signed call."""

from typing import Any

from apps.sandbox.clock import now_ms
from apps.sandbox.emitter import Emitter, Parcel, encoded
from apps.sandbox.hubspot.schema import SINGULAR
from apps.sandbox.ledger import Ledger
from apps.sandbox.settings import HubSpotSettings
from apps.sandbox.signing import hubspot_signature

BATCH = 100
_SILENT = {"hs_lastmodifieddate", "lastmodifieddate"}


class HubSpotEnvelope:
    """An array of up to 100 events with the v3 signature over method, address, body and time."""

    size = BATCH

    def __init__(self, settings: HubSpotSettings) -> None:
        self._secret = settings.client_secret

    def pack(self, events: list[dict[str, Any]], *, url: str, attempt: int) -> Parcel:
        body = encoded([{**event, "attemptNumber": attempt} for event in events])
        timestamp = str(now_ms())
        signature = hubspot_signature(self._secret, method="POST", url=url, body=body, timestamp_ms=timestamp)
        headers = {
            "content-type": "application/json",
            "user-agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/)",
            "x-hubspot-signature-v3": signature,
            "x-hubspot-request-timestamp": timestamp,
        }
        return Parcel(body=body, headers=headers)


class Announcer:
    """Turns what happened to an object into the events the app subscribed to."""

    def __init__(self, settings: HubSpotSettings, *, ledger: Ledger, emitter: Emitter) -> None:
        self._settings = settings
        self._ledger = ledger
        self._emitter = emitter

    def created(self, kind: str, row_id: str, *, source: str) -> None:
        self._announce(kind, "creation", row_id, source=source, changeFlag="NEW")

    def deleted(self, kind: str, row_id: str, *, source: str) -> None:
        self._announce(kind, "deletion", row_id, source=source, changeFlag="DELETED")

    def changed(self, kind: str, row_id: str, *, changes: dict[str, str], source: str) -> None:
        for name, value in changes.items():
            if name not in _SILENT:
                self._announce(kind, "propertyChange", row_id, source=source, propertyName=name, propertyValue=value)

    def _announce(self, kind: str, what: str, row_id: str, *, source: str, **more: Any) -> None:
        subscription = f"{SINGULAR[kind]}.{what}"
        if subscription not in self._settings.subscriptions or "hubspot" not in self._emitter.lanes:
            return
        event = {
            "eventId": int(self._ledger.next_id("hubspot", "_event", start=1)),
            "subscriptionId": 10_000 + self._settings.subscriptions.index(subscription),
            "portalId": self._settings.portal_id,
            "appId": self._settings.app_id,
            "occurredAt": now_ms(),
            "subscriptionType": subscription,
            "objectId": int(row_id),
            "changeSource": source,
            "sourceId": str(self._settings.app_id) if source == "INTEGRATION" else "userId:9001",
            **more,
        }
        self._emitter.emit("hubspot", event)
