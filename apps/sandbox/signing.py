"""Signatures: Standard Webhooks for CloudEvents, v3 for HubSpot. Pure but for the caller's clock."""

import base64
import hmac
import secrets
from hashlib import sha256

TOLERANCE_S = 5 * 60


def webhook_signature(secret: str, *, message_id: str, timestamp: str, body: bytes) -> str:
    """Standard Webhooks, symmetric: "v1," + base64 of the HMAC over id, timestamp and raw body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, sha256)).decode()


def webhook_headers(secret: str, *, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    timestamp = str(now_s)
    signature = webhook_signature(secret, message_id=message_id, timestamp=timestamp, body=body)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def webhook_flaw(
    secrets_: tuple[str, ...], *, message_id: str, timestamp: str, signatures: str, body: bytes, now_s: int
) -> str:
    """Why a Standard Webhooks message is not believed; empty when it is. Any one of the secrets may have signed."""
    if not (message_id and timestamp and signatures):
        return "headers webhook-id, webhook-timestamp and webhook-signature are required"
    if not timestamp.isdigit() or abs(now_s - int(timestamp)) > TOLERANCE_S:
        return "webhook-timestamp is more than 5 minutes away from now"
    offered = [part.encode() for part in signatures.split()]
    for secret in secrets_:
        expected = webhook_signature(secret, message_id=message_id, timestamp=timestamp, body=body).encode()
        if any(hmac.compare_digest(expected, one) for one in offered):
            return ""
    return "webhook-signature does not match the body; sign <id>.<timestamp>.<raw body> with the shared secret"


def hubspot_signature(client_secret: str, *, method: str, url: str, body: bytes, timestamp_ms: str) -> str:
    """X-HubSpot-Signature-v3."""
    signed = method.encode() + url.encode() + body + timestamp_ms.encode()
    return base64.b64encode(hmac.digest(client_secret.encode(), signed, sha256)).decode()


class TokenMint:
    """Access tokens that need no store: expiry, scopes and a serial, sealed with a key made from the settings."""

    def __init__(self, seed: str) -> None:
        self._key = sha256(seed.encode()).digest()

    def issue(self, *, expires_at_s: int, scopes: str, issued_at_ms: int) -> str:
        payload = f"{expires_at_s}.{issued_at_ms}.{scopes}.{secrets.token_urlsafe(9)}"
        sealed = hmac.digest(self._key, payload.encode(), sha256)
        return base64.urlsafe_b64encode(payload.encode() + sealed).decode().rstrip("=")

    def read(self, token: str) -> tuple[int, int, frozenset[str]] | None:
        """Expiry (s), issue (ms) and scopes, or None when we did not make it."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        payload, sealed = raw[:-32], raw[-32:]
        if not hmac.compare_digest(hmac.digest(self._key, payload, sha256), sealed):
            return None
        expires, issued, scopes, _serial = payload.decode().split(".", 3)
        return int(expires), int(issued), frozenset(scopes.split(","))
