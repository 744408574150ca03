"""Asking the live quality rules at a gate: which checks, how strictly. The checks themselves are pure, see quality.py."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.governance.live import live_rows
from apps.governance.models import QualityRule
from apps.governance.quality import CHECKS, Defect, Facts
from apps.governance.states import Strictness


@dataclass(frozen=True, slots=True)
class Rule:
    """One live rule: which check, before what, whether it stops, and its settings."""

    code: str
    gate: str
    stops: bool = True
    settings: tuple[tuple[str, Any], ...] = ()


def quality_rules_now() -> tuple[Rule, ...]:
    """The live rules that are switched on, kept in memory until one of them changes. One small query; ask once per set."""
    return tuple(rule for rule in live_rows(QualityRule, _read) if rule is not None)


def defects(rules: Sequence[Rule], facts: Facts, *, gate: str) -> list[Defect]:
    """What keeps these facts from passing `gate` (``contract``, ``project``, ``invoice``), in the order of the rules.

    A defect of a rule that only warns has `stops` False.
    """
    found: list[Defect] = []
    for rule in rules:
        if rule.gate == gate:
            found.extend(replace(defect, stops=rule.stops) for defect in CHECKS[rule.code](facts, dict(rule.settings)))
    return found


def _read(row: QualityRule) -> Rule | None:
    if not row.is_on or row.code not in CHECKS:
        return None
    return Rule(row.code, row.gate, row.strictness == Strictness.STOP, tuple(row.settings.items()))
