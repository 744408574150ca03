"""Making what a broken message holds fit to be kept: PostgreSQL takes no NUL, JSON no NaN, and a page no 10 MB. Pure."""

import math
from typing import Any

MOST_TEXT = 20_000
MOST_ITEMS = 500
DEEPEST = 40


def fit_text(text: str, *, most: int = MOST_TEXT) -> str:
    """`text` without NUL and lone surrogates, cut to `most` characters with a word on how much is missing."""
    clean = text[: most + 1].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
    return clean if len(text) <= most else f"{clean[:most]} … ({len(text) - most} more characters)"


def fit_json(value: Any, *, depth: int = DEEPEST) -> Any:
    """`value` as plain JSON that any database keeps; what cannot be kept is named in its place."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return fit_text(value[: MOST_TEXT * 4].decode("utf-8", "replace"))
    if depth <= 0:
        return "… (nested too deeply)"
    if isinstance(value, dict):
        kept = {
            fit_text(str(key), most=200): fit_json(item, depth=depth - 1)
            for key, item in list(value.items())[:MOST_ITEMS]
        }
        return kept if len(value) <= MOST_ITEMS else {**kept, "…": f"{len(value) - MOST_ITEMS} more"}
    if isinstance(value, list | tuple | set | frozenset):
        items = [fit_json(item, depth=depth - 1) for item in list(value)[:MOST_ITEMS]]
        return items if len(value) <= MOST_ITEMS else [*items, f"… {len(value) - MOST_ITEMS} more"]
    return fit_text(str(value))
