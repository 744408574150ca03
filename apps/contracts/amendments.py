"""What changed between two versions of a contract, as a list of differences; and the hash approvals are bound to. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from apps.canonical.contracts import Contract, ContractLine, MilestoneTerm

Content = dict[str, Any]

_LABELS = {
    "account": "Customer",
    "currency": "Currency",
    "value": "Contract value",
    "starts_on": "Start",
    "ends_on": "End",
    "po_number": "Purchase order",
    "po_amount": "Purchase order amount",
    "delivery_model": "Delivery model",
    "legal_entity": "legal entity",
    "service_line": "service line",
    "billing_method": "billing method",
    "amount": "amount",
    "due_on": "due date",
    "milestones_in_order": "milestones in order",
}
# What every project of a contract depends on, beside the lines of its own entity.
_SHARED = ("account", "currency", "starts_on", "ends_on", "po_number", "po_amount", "delivery_model")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is exact (``lines.L1.milestones.M2.amount``), `label` for people; None means absent."""

    path: str
    label: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.label}: {_said(self.old)} → {_said(self.new)}"


def commercial(terms: Contract) -> Content:
    """What was agreed, as plain JSON: no names to display, no stamps, amounts in one spelling, lines by their ref.

    Who the customer is belongs to it; how the customer is called or addressed does not.
    """
    return {
        "account": terms.account.ref if terms.account else None,
        "currency": terms.currency,
        "value": _number(terms.value),
        "starts_on": _day(terms.starts_on),
        "ends_on": _day(terms.ends_on),
        "po_number": terms.po_number,
        "po_amount": _number(terms.po_amount),
        "delivery_model": terms.delivery_model,
        "lines": {line.ref: _line(line) for line in sorted(terms.lines, key=lambda line: line.ref)},
    }


def entity_content(content: Content, entity: str) -> Content:
    """What one legal entity's project depends on: its own lines and what all entities share."""
    lines = {ref: line for ref, line in content["lines"].items() if line["legal_entity"] == entity}
    return {**{name: content[name] for name in _SHARED}, "lines": lines}


def terms_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of commercial content; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(old: Content, new: Content) -> tuple[Change, ...]:
    """Every difference between two contents, in a stable order. Empty exactly when their hashes are equal."""
    return tuple(_compare(old, new, path=(), label=""))


def _compare(old: Any, new: Any, *, path: tuple[str, ...], label: str) -> Iterator[Change]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield Change(".".join(path), label, _summed(old), _summed(new))
        return
    for key in sorted({*old, *new}):
        below = (*path, key)
        yield from _compare(old.get(key), new.get(key), path=below, label=_label(below, label))


def _label(path: tuple[str, ...], above: str) -> str:
    key, parent = path[-1], path[-2] if len(path) > 1 else ""
    if len(path) % 2 and key in ("lines", "milestones"):
        return above
    if len(path) == 2 and parent == "lines":
        return f"Line {key}"
    if len(path) == 4 and parent == "milestones":
        return f"{above}, milestone {key}"
    word = _LABELS.get(key, key)
    return f"{above}, {word}" if above else word


def _summed(value: Any) -> Any:
    # A line or milestone that came or went is told by its amount, not by all it holds.
    return value["amount"] if isinstance(value, dict) and "amount" in value else value


def _line(line: ContractLine) -> Content:
    return {
        "legal_entity": line.legal_entity,
        "service_line": line.service_line,
        "billing_method": line.billing_method,
        "amount": _number(line.amount),
        "milestones_in_order": line.milestones_in_order,
        "milestones": {term.code: _milestone(term) for term in line.milestones},
    }


def _milestone(term: MilestoneTerm) -> Content:
    return {"amount": _number(term.amount), "due_on": _day(term.due_on)}


def _number(amount: Decimal | None) -> str | None:
    """One spelling per number: 1000, 1000.0 and 1E+3 are the same money."""
    if amount is None:
        return None
    return format(amount.normalize(), "f") if amount else "0"


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _said(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)
