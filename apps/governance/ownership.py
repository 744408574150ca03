"""The system-of-record matrix: which system may write which field, and what follows when another one does. Pure over loaded rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.governance.live import live_rows
from apps.governance.models import EVERY_FIELD, SystemOfRecordRule
from apps.governance.states import Policy, SystemKind

Change = tuple[Any, Any]
_EMPTY: tuple[Any, ...] = (None, "", [], (), {})


@dataclass(frozen=True, slots=True)
class Ownership:
    """One live rule, as far as the door needs it."""

    object: str
    field: str
    owner: str
    policy: str = Policy.REJECT
    others_may_fill: bool = False


# Nobody wrote down who owns it, so only Tieout itself may write it.
_UNRULED = Ownership("", EVERY_FIELD, SystemKind.TIEOUT)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rules by object and field."""

    rules: Mapping[tuple[str, str], Ownership]

    def rule(self, object: str, field: str) -> Ownership:  # noqa: A002 - the matrix calls it so
        """The field's own rule, else the object's ``*``, else "Tieout only"."""
        return self.rules.get((object, field)) or self.rules.get((object, EVERY_FIELD)) or _UNRULED


@dataclass(frozen=True, slots=True)
class Breach:
    """A system wrote a field that it does not own."""

    field: str
    old: Any
    new: Any
    owner: str
    policy: str

    def message(self, *, object: str, system: str) -> str:  # noqa: A002 - as above
        """In words, for the case."""
        done = {
            Policy.REJECT: "the value was not taken over",
            Policy.FLAG: "the value was taken over and needs a look",
            Policy.OVERWRITE: "the owner's value is written back",
        }[Policy(self.policy)]
        return f"{system} changed {object}.{self.field}, which belongs to {self.owner}: {done}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be written, and every breach with the policy that applies to it.

    allowed holds what the owner wrote, first values others may give, and flagged breaches.
    """

    allowed: dict[str, Change] = field(default_factory=dict)
    breaches: tuple[Breach, ...] = ()

    @property
    def rejected(self) -> tuple[Breach, ...]:
        """Not written; a person should know."""
        return tuple(breach for breach in self.breaches if breach.policy == Policy.REJECT)

    @property
    def flagged(self) -> tuple[Breach, ...]:
        """Written all the same; a person should know."""
        return tuple(breach for breach in self.breaches if breach.policy == Policy.FLAG)

    @property
    def to_write_back(self) -> tuple[Breach, ...]:
        """Not written; the owner's value goes back to the system that changed it."""
        return tuple(breach for breach in self.breaches if breach.policy == Policy.OVERWRITE)


def rules_now() -> Matrix:
    """The live matrix, kept in memory until a rule changes. One small query; ask once per set."""
    return matrix(live_rows(SystemOfRecordRule, _read))


def matrix(rules: Iterable[Ownership]) -> Matrix:
    """A matrix of these rules."""
    return Matrix({(rule.object, rule.field): rule for rule in rules})


def may_write(rules: Matrix, *, object: str, field: str, system: str) -> bool:  # noqa: A002 - as above
    """Whether systems of the kind `system` (``crm``, ``erp`` …) own `object.field`. Tieout's own decisions pass."""
    return system in (rules.rule(object, field).owner, SystemKind.TIEOUT)


def check_write(
    rules: Matrix,
    changes: Mapping[str, Change],
    *,
    object: str,  # noqa: A002 - as above
    system: str,
) -> Verdict:
    """What of `changes` (field → (old, new)) a system of the kind `system` may write. Unchanged fields are no writes."""
    allowed: dict[str, Change] = {}
    breaches = []
    for name, (old, new) in changes.items():
        if old == new:
            continue
        rule = rules.rule(object, name)
        if may_write(rules, object=object, field=name, system=system) or (rule.others_may_fill and old in _EMPTY):
            allowed[name] = (old, new)
            continue
        breaches.append(Breach(name, old, new, rule.owner, rule.policy))
        if rule.policy == Policy.FLAG:
            allowed[name] = (old, new)
    return Verdict(allowed, tuple(breaches))


def _read(row: SystemOfRecordRule) -> Ownership:
    return Ownership(row.object, row.field, row.owner, row.conflict_policy, row.others_may_fill)
