"""The fingerprint of a cause: cases with one fingerprint form a group and are mended once. Pure."""

import hashlib


def fingerprint(*, kind: str, system: str = "", entity: str = "", code: str = "", field: str = "") -> str:
    """24 hex digits that follow from the cause and from nothing that differs per object."""
    parts = (kind, system, entity, code, field)
    return hashlib.sha256("\x1f".join(part.strip().lower() for part in parts).encode()).hexdigest()[:24]
