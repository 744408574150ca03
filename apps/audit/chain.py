"""The hash chain of audit lines: what is hashed, and in which form. Pure."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

START = ""


def line_hash(previous: str, content: dict[str, Any]) -> str:
    """SHA-256 (hex) over the previous line's hash and this line's content as sorted, compact JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def instant(at: datetime) -> str:
    """An instant as it is hashed: UTC with microseconds, so that reading it back gives the same text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
