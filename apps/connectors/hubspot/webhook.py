"""HubSpot's webhooks: the v3 signature, and the array of events taken apart."""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha256

from apps.connectors.base import RawEvent, Request
from apps.connectors.inbound import (
    check_age,
    digest,
    forged,
    instant_of_ms,
    json_items,
    lenient_object,
    required,
    short,
)
from apps.core.errors import Rejected

# HubSpot signs its address with these (and only these) percent codes decoded.
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
    "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
# An event's id is not unique by itself, says HubSpot: these together are.
_IDENTITY = ("eventId", "subscriptionId", "occurredAt", "objectId", "propertyName")


def verify(request: Request, *, client_secrets: Iterable[str], public_url: str) -> None:
    """Raise Rejected unless one of the secrets signed this very request within five minutes of now.

    public_url is the address HubSpot was given, from configuration: a Host header can be forged. The older
    signatures v1 and v2 carry no time and are refused by being ignored.
    """
    offered, timestamp = required(request.headers, "x-hubspot-signature-v3", "x-hubspot-request-timestamp")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise Rejected("X-HubSpot-Request-Timestamp is not a number of milliseconds.", code="signature_stale")
    check_age(int(timestamp) / 1000)
    signed = request.method.encode() + _as_signed(public_url).encode() + request.body + timestamp.encode()
    fits = [hmac.compare_digest(_signature(one, signed), offered.encode()) for one in client_secrets]
    if not any(fits):
        raise forged()


def split(request: Request) -> list[RawEvent]:
    """One raw event per element; one that names no object is kept all the same, so that it becomes a case."""
    return [_raw(item) for item in json_items(request.body)]


def object_type(subscription: object) -> str:
    """``deal`` from ``deal.propertyChange``; empty when it is no subscription type."""
    return subscription.partition(".")[0] if isinstance(subscription, str) else ""


def _raw(item: bytes) -> RawEvent:
    event = lenient_object(item)
    identity = [event.get(name) for name in _IDENTITY]
    known = event.get("objectId") is not None
    return RawEvent(
        external_id=digest(*identity) if known else digest(item.hex()),
        subject=f"{short(object_type(event.get('subscriptionType')) or 'unknown', most=30)}:{short(event.get('objectId'))}",
        occurred_at=instant_of_ms(event.get("occurredAt")),
        body=item,
    )


def _signature(client_secret: str, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(client_secret.encode(), signed, sha256))


def _as_signed(url: str) -> str:
    for code, character in _DECODED.items():
        url = url.replace(code, character).replace(code.lower(), character)
    return url
