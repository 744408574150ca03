"""An edited payload beside the one it replaces: what changed, what must not change, and what two people must agree to. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NOTHING = object()
# These tie the payload to its object: with another one it would be about something else.
_LOCKED = re.compile(r"\A(id|_v|ref|key|type|subject|milestones)\Z|_(id|ref)\Z")
# Amounts, currency, tax, bank and entity.
_SENSITIVE = re.compile(
    r"amount|net\Z|total|tax|budget|price|quantity|base\Z|rate|currency|bank|iban|bic|entity|balance|due_days|vat"
)
_STEP = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Edit:
    """One field that differs; `old` or `new` is None where one side does not have it."""

    path: str
    old: Any
    new: Any

    @property
    def is_locked(self) -> bool:
        """Whether nobody may change it."""
        return any(_LOCKED.search(part) for part in self._parts[-1:])

    @property
    def is_sensitive(self) -> bool:
        """Whether a second person must agree."""
        return any(_SENSITIVE.search(part) for part in self._parts)

    @property
    def _parts(self) -> list[str]:
        return _STEP.sub("", self.path).split(".")


def edits(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Edit]:
    """Every field that differs, in the order of the old payload, added ones last."""
    before, after = dict(_flat(old)), dict(_flat(new))
    paths = [*before, *(path for path in after if path not in before)]
    return [
        Edit(path, _or_none(before, path), _or_none(after, path))
        for path in paths
        if before.get(path, _NOTHING) != after.get(path, _NOTHING)
    ]


def told(found: Sequence[Edit]) -> list[dict[str, Any]]:
    """The edits as JSON, for the ruling and for whoever agrees to it."""
    return [{"path": edit.path, "old": edit.old, "new": edit.new, "sensitive": edit.is_sensitive} for edit in found]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, value


def _or_none(side: Mapping[str, Any], path: str) -> Any:
    return side.get(path)
