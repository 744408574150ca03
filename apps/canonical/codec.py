"""Canonical objects to JSON and back, with a schema version; what an old version said is upcast here."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from apps.canonical.base import Canonical
from apps.core.errors import BadInput

SCHEMA_VERSION = 1
C = TypeVar("C", bound=Canonical)

# (class name, version it was written in) -> what makes it the next version. Empty while there is one version.
UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


def to_json(value: Canonical) -> dict[str, Any]:
    """A JSON object with ``_v``, the schema version it is written in. Amounts are text."""
    return {"_v": SCHEMA_VERSION, **value.model_dump(mode="json")}


def from_json(kind: type[C], body: Mapping[str, Any]) -> C:
    """The canonical object in `body`, upcast from the version it was written in.

    Raises BadInput naming the first field at fault, its place and what was expected.
    """
    content = dict(body)
    version = content.pop("_v", SCHEMA_VERSION)
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise BadInput(
            f"{kind.__name__} is written in schema version {version!r}, this release reads up to {SCHEMA_VERSION}",
            path="_v",
            mend="Upgrade Tieout, or send the version it publishes.",
        )
    for old in range(version, SCHEMA_VERSION):
        content = UPCASTS[kind.__name__, old](content)
    return read(kind, content)


def read(kind: type[C], content: Mapping[str, Any]) -> C:
    """`content` checked as `kind`; raises BadInput like `from_json`."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _told(kind, error) from error


def load_json_object(raw: bytes | str, *, max_depth: int = 40) -> dict[str, Any]:
    """`raw` as a JSON object; NaN, infinities, NUL characters and nesting beyond `max_depth` are refused with BadInput."""
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"the body is not JSON: {error}", mend="Send one JSON object, UTF-8.") from error
    if not isinstance(value, dict):
        raise BadInput(f"the body is a JSON {type(value).__name__}, not an object", mend="Send one JSON object.")
    _check_shape(value, max_depth)
    return value


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def _check_shape(value: Any, depth: int, path: str = "") -> None:
    if depth < 0:
        raise BadInput("the body is nested too deeply", path=path, mend="Send at most 40 levels.")
    if isinstance(value, str) and "\x00" in value:
        raise BadInput("the body holds a NUL character", path=path, mend="Remove the character U+0000.")
    if isinstance(value, str) and not _is_unicode(value):
        raise BadInput(
            "the body holds half a character", path=path, mend="Send surrogates in pairs, as UTF-16 has them."
        )
    if isinstance(value, dict):
        for key, item in value.items():
            _check_shape(key, depth - 1, path)
            _check_shape(item, depth - 1, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for position, item in enumerate(value):
            _check_shape(item, depth - 1, f"{path}[{position}]")


def _is_unicode(text: str) -> bool:
    """A lone surrogate is legal in JSON and in Python, and neither UTF-8 nor a database takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _told(kind: type[Canonical], error: ValidationError) -> BadInput:
    first = error.errors(include_url=False, include_context=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    return BadInput(
        f"{kind.__name__}: {path or 'the object'}: {first['msg']} (got {str(first.get('input'))[:80]!r})",
        path=path,
        mend=f"Correct {path or 'the object'} in the system it comes from, then replay.",
    )
