"""Tryton's JSON: Decimal, date, datetime and timedelta travel as objects with a ``__class__``. Pure."""

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

_DAY = ("year", "month", "day")
_CLOCK = ("hour", "minute", "second", "microsecond")


def encoded(value: Any) -> Any:
    """`value` as plain JSON values, deeply. Instants are given and sent without a zone; Tryton keeps UTC."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case datetime():
            return {"__class__": "datetime", **{part: getattr(value, part) for part in (*_DAY, *_CLOCK)}}
        case date():
            return {"__class__": "date", **{part: getattr(value, part) for part in _DAY}}
        case timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
        case Mapping():
            return {key: encoded(item) for key, item in value.items()}
        case list() | tuple():
            return [encoded(item) for item in value]
    return value


def decoded(value: Any) -> Any:
    """The reverse, deeply. Raises ValueError for an object whose parts do not make what its class says."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind is None:
        return {key: decoded(item) for key, item in value.items()}
    try:
        return _typed(kind, value)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{kind} cannot be made of {sorted(value)}") from error


def header(value: Any) -> str:
    """A domain, an order or a context as it goes into a URL or a header."""
    return base64.urlsafe_b64encode(json.dumps(encoded(value), separators=(",", ":")).encode()).decode()


def _typed(kind: str, value: Mapping[str, Any]) -> Any:
    match kind:
        case "Decimal":
            return Decimal(value["decimal"])
        case "datetime":
            day, clock = _whole(value, _DAY), _whole(value, _CLOCK)
            return datetime(*day, *clock)  # noqa: DTZ001 - Tryton's instants carry no zone
        case "date":
            return date(*_whole(value, _DAY))
        case "timedelta":
            return timedelta(seconds=float(value["seconds"]))
    return dict(value)


def _whole(value: Mapping[str, Any], parts: tuple[str, ...]) -> Any:
    return tuple(int(value[part]) for part in parts)
