"""The fingerprint of a cause: cases with one fingerprint form a group and are mended once. Pure."""

import functools
import hashlib


# A set of failures names few causes many times.
@functools.lru_cache(maxsize=4096)
def fingerprint(*, kind: str, system: str = "", entity: str = "", code: str = "", field: str = "") -> str:
    """24 hex digits that follow from the cause and from nothing that differs per object."""
    parts = (kind, system, entity, code, field)
    return hashlib.sha256("\x1f".join(part.strip().lower() for part in parts).encode()).hexdigest()[:24]
