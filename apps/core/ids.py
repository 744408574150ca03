"""Canonical ids and idempotency keys: the same parts always give the same id."""

import hashlib
import secrets
import uuid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U to misread
_LENGTH = 12


def new_id(prefix: str, *parts: object) -> str:
    """A canonical id such as ``PRJ-7K3M9Q2XWA4T``.

    With parts, the id follows from them, so creating the same object twice gives the same id;
    without, it is random. 60 bits: a clash among a million ids is a chance of 4 in 10 million.
    """
    if parts:
        number = int.from_bytes(_digest(prefix, *parts)[:8], "big")
    else:
        number = secrets.randbits(64)
    letters = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, 32)
        letters.append(_ALPHABET[rest])
    return f"{prefix}-{''.join(letters)}"


def idempotency_key(*parts: object) -> str:
    """A UUID text that follows from the parts; some vendors accept nothing but a UUID."""
    return str(uuid.UUID(bytes=_digest("key", *parts)[:16], version=5))


def _digest(*parts: object) -> bytes:
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
