"""Standard Webhooks signatures (symmetric, v1), both directions. Pure but for the clock."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256

from apps.connectors.inbound import check_age, forged, required
from apps.core.errors import Misconfigured, Rejected

_PREFIX = "whsec_"


def signed_headers(secret: str, *, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers that go with `body`."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{_signature(_key(secret), message_id, str(at_s), body)}",
    }


def check(headers: Mapping[str, str], *, body: bytes, secrets: Iterable[str]) -> str:
    """The message id of a body that one of `secrets` has signed within five minutes of now; `headers` in lower case.

    Raises Rejected with code signature_missing, signature_stale or signature_invalid.
    """
    message_id, timestamp, offered = required(headers, "webhook-id", "webhook-timestamp", "webhook-signature")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise Rejected("webhook-timestamp is not a number of seconds.", code="signature_stale")
    check_age(int(timestamp))
    candidates = [part[3:].encode("utf-8", "replace") for part in offered.split(" ") if part.startswith("v1,")]
    # Every pair is compared, so that the time taken tells nothing.
    fits = [
        hmac.compare_digest(_signature(_key(secret), message_id, timestamp, body).encode(), candidate)
        for secret in secrets
        for candidate in candidates[:8]
    ]
    if not any(fits):
        raise forged()
    return message_id


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b"%b.%b.%b" % (message_id.encode("utf-8", "surrogatepass"), timestamp.encode(), body)
    return base64.b64encode(hmac.digest(key, signed, sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise Misconfigured(
            "The webhook secret is not whsec_ followed by base64. Put the secret as issued into its file.",
            code="credentials_expired",
        )
    return key
