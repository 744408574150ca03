"""Scripted misfortune: which call is hit by which fault, how often, and with what seeded luck."""

import random
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from apps.sandbox.http import Request

_MATCH_KEYS = {"method", "path", "contains"}
_FAULT_KEYS = {"status", "body", "headers", "latency_ms", "hang_s", "late_commit_s", "drop", "commit"}
_RULE_KEYS = {"vendor", "match", "fault", "times", "probability", "seed"}


class BadFault(ValueError):
    """A fault nobody can carry out; the text names the field."""


@dataclass(slots=True)
class Fault:
    """What befalls a matching call. Exactly one ending applies, in this order: late commit, hang, drop, status."""

    latency_ms: float = 0
    late_commit_s: float | None = None
    hang_s: float | None = None
    drop: str | None = None
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    commit: bool = False


@dataclass(slots=True)
class Rule:
    number: int
    vendor: str | None
    method: str | None
    path: re.Pattern[str] | None
    contains: bytes | None
    fault: Fault
    times: int | None
    probability: float
    luck: random.Random
    spec: dict[str, Any]
    hits: int = 0

    def hits_call(self, request: Request, *, vendor: str) -> bool:
        if self.times is not None and self.hits >= self.times:
            return False
        if self.vendor not in (None, vendor) or self.method not in (None, request.method):
            return False
        if self.path is not None and not self.path.search(request.path):
            return False
        if self.contains is not None and not self._is_in(request, self.contains):
            return False
        return self.probability >= 1 or self.luck.random() < self.probability

    @staticmethod
    def _is_in(request: Request, text: bytes) -> bool:
        return text in request.body or text in unquote_to_bytes(request.path) or text in request.query_string

    def as_json(self) -> dict[str, Any]:
        return {"number": self.number, "hits": self.hits, **self.spec}


class Faults:
    """The rules in force, oldest first; the first that fits is the one that happens."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._made = 0

    def add(self, spec: Any) -> Rule:
        """Raises BadFault for a rule that could not work."""
        self._made += 1
        rule = _rule(spec, number=self._made)
        self.rules.append(rule)
        return rule

    def clear(self, *, number: int | None = None) -> None:
        self.rules = [] if number is None else [rule for rule in self.rules if rule.number != number]

    def strike(self, request: Request, *, vendor: str) -> Fault | None:
        for rule in self.rules:
            if rule.hits_call(request, vendor=vendor):
                rule.hits += 1
                return rule.fault
        return None


def _rule(spec: Any, *, number: int) -> Rule:
    _known(spec, _RULE_KEYS, where="fault rule")
    match, fault = spec.get("match") or {}, spec.get("fault")
    _known(match, _MATCH_KEYS, where="match")
    _known(fault, _FAULT_KEYS, where="fault")
    if fault.get("drop") not in (None, "before", "after"):
        raise BadFault("fault.drop: expected 'before' or 'after' (the effect is committed)")
    for name in ("latency_ms", "hang_s", "late_commit_s"):
        if not isinstance(fault.get(name, 0), int | float):
            raise BadFault(f"fault.{name}: expected a number")
    try:
        path = re.compile(match["path"]) if match.get("path") else None
    except re.error as error:
        raise BadFault(f"match.path: {error}") from error
    contains = match.get("contains")
    return Rule(
        number=number,
        vendor=spec.get("vendor"),
        method=match.get("method"),
        path=path,
        contains=str(contains).encode() if contains else None,
        fault=Fault(**fault),
        times=spec.get("times"),
        probability=float(spec.get("probability", 1)),
        luck=random.Random(spec.get("seed", number)),
        spec=spec,
    )


def _known(value: Any, names: set[str], *, where: str) -> None:
    if not isinstance(value, dict):
        raise BadFault(f"{where}: expected an object with {', '.join(sorted(names))}")
    if unknown := sorted(set(value) - names):
        raise BadFault(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(sorted(names))}")
