"""Data-quality checks before a contract, a project or an invoice goes on. Pure: facts in, defects out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from apps.canonical.contracts import Contract
from apps.canonical.parties import Account
from apps.core.errors import BadInput
from apps.core.money import minor_units
from apps.governance.duplicates import Customer, likely_same
from apps.governance.tax_ids import tax_id_problem


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong. `kind` is a row of the case catalogue, `code` the check's own word, `field` where to mend it."""

    kind: str
    code: str
    field: str
    message: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Entity:
    """What a check needs to know of a legal entity."""

    code: str
    country: str
    currency: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checks of one contract look at, loaded for the whole set beforehand."""

    contract: Contract
    entities: Mapping[str, Entity] = field(default_factory=dict)
    customers: Sequence[Customer] = ()


def legal_entity(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """Every line names a legal entity that exists and is active."""
    for line in facts.contract.lines:
        where = f"lines[{line.ref}].legal_entity"
        entity = facts.entities.get(line.legal_entity)
        if not line.legal_entity:
            yield Defect(
                "legal_entity_missing",
                "missing",
                where,
                f"Line {line.ref} names no legal entity; set it on the line item.",
            )
        elif entity is None:
            known = ", ".join(sorted(facts.entities)) or "none"
            yield Defect(
                "legal_entity_invalid", "unknown", where,
                f"Line {line.ref} names legal entity {line.legal_entity!r}, which does not exist. Known are: {known}.",
            )  # fmt: skip
        elif not entity.is_active:
            yield Defect(
                "legal_entity_invalid", "inactive", where,
                f"Line {line.ref} names legal entity {line.legal_entity}, which is closed for new business.",
            )  # fmt: skip


def currency(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """The contract's currency exists, and every entity may invoice in it (`settings["foreign"]` False: its own only)."""
    code = facts.contract.currency
    try:
        minor_units(code)
    except BadInput as error:
        yield Defect("currency_mismatch", "unknown", "currency", f"{error}. {error.mend}")
        return
    if settings.get("foreign", True):
        return
    for line in facts.contract.lines:
        entity = facts.entities.get(line.legal_entity)
        if entity is not None and entity.currency != code:
            yield Defect(
                "currency_mismatch", "foreign", f"lines[{line.ref}].legal_entity",
                f"The contract is in {code}, but {entity.code} invoices in {entity.currency} only.",
            )  # fmt: skip


def hierarchy(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """The chain of parents ends at one ultimate parent, without a circle and within `settings["max_depth"]`."""
    account = facts.contract.account
    if account is None:
        yield Defect(
            "hierarchy_unresolved",
            "no_account",
            "account",
            "The opportunity has no customer; link its company in the CRM.",
        )
        return
    parents = {parent.ref: parent for parent in facts.contract.hierarchy}
    yield from _walk(account, parents, deepest=int(settings.get("max_depth", 10)))


def bill_to(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """Somebody and somewhere to send the invoice to: e-mail, or street and city."""
    account = facts.contract.account
    if account is None:
        return
    contact = account.bill_to
    if contact is None:
        yield Defect("bill_to_missing", "missing", "account.bill_to", f"{account.name} has no bill-to address.")
    elif not contact.email and not (contact.street and contact.city):
        yield Defect(
            "bill_to_missing", "incomplete", "account.bill_to",
            f"The bill-to of {account.name} has neither an e-mail nor street and city.",
        )  # fmt: skip


def tax_id(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """The tax id fits its country's format; it must be there for countries in `settings["required_in"]`."""
    account = facts.contract.account
    if account is None:
        return
    if not account.tax_id:
        if account.country in settings.get("required_in", ()):
            yield Defect(
                "tax_profile_unconfirmed", "tax_id_missing", "account.tax_id",
                f"{account.name} has no tax id, which {account.country} demands.",
            )  # fmt: skip
        return
    if problem := tax_id_problem(account.tax_id, country=account.country):
        yield Defect("tax_profile_unconfirmed", "tax_id_malformed", "account.tax_id", f"{account.name}: {problem}")


def schedule_total(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """Lines add up to the contract's value, and each line's milestones to the line, within `settings["tolerance"]`."""
    contract, tolerance = facts.contract, Decimal(str(settings.get("tolerance", "0")))
    if abs(contract.lines_total - contract.value) > tolerance:
        yield Defect(
            "schedule_total_mismatch", "lines", "value",
            f"The lines add up to {contract.lines_total} {contract.currency}, the contract says {contract.value}: "
            f"{abs(contract.lines_total - contract.value)} apart.",
        )  # fmt: skip
    for line in contract.lines:
        planned = sum((milestone.amount for milestone in line.milestones), Decimal(0))
        if line.milestones and abs(planned - line.amount) > tolerance:
            yield Defect(
                "schedule_total_mismatch", "milestones", f"lines[{line.ref}].milestones",
                f"The milestones of line {line.ref} add up to {planned} {contract.currency}, the line says {line.amount}.",
            )  # fmt: skip


def duplicate_customer(facts: Facts, settings: Mapping[str, Any]) -> Iterable[Defect]:
    """No other customer has the same tax id, or the same country with the same domain or nearly the same name."""
    account = facts.contract.account
    if account is None:
        return
    likeness = float(settings.get("likeness", 0.92))
    for other in facts.customers:
        if other.ref == account.ref:
            continue
        if reason := likely_same(account, other, likeness=likeness):
            yield Defect(
                "duplicate_customer",
                reason,
                "account",
                f"{account.name} may be {other.name} ({other.id}), which exists: {_WORDS[reason]}.",
            )


Check = Callable[[Facts, Mapping[str, Any]], Iterable[Defect]]
CHECKS: dict[str, Check] = {
    "legal_entity": legal_entity,
    "currency": currency,
    "hierarchy": hierarchy,
    "bill_to": bill_to,
    "tax_id": tax_id,
    "schedule_total": schedule_total,
    "duplicate_customer": duplicate_customer,
}

_WORDS = {"tax_id": "same tax id", "domain": "same web domain", "name": "nearly the same name"}


def _walk(account: Account, parents: Mapping[str, Account], *, deepest: int) -> Iterable[Defect]:
    chain, current = [account.ref], account
    while current.parent_ref:
        if current.parent_ref in chain:
            circle = " → ".join([*chain[chain.index(current.parent_ref) :], current.parent_ref])
            yield Defect(
                "hierarchy_cycle",
                "cycle",
                "account.parent_ref",
                f"The customer's hierarchy runs in a circle: {circle}.",
            )
            return
        if current.parent_ref not in parents:
            yield Defect(
                "hierarchy_unresolved", "unknown_parent", "account.parent_ref",
                f"{current.name} belongs to company {current.parent_ref}, which the CRM did not hand over.",
            )  # fmt: skip
            return
        current = parents[current.parent_ref]
        chain.append(current.ref)
        if len(chain) > deepest + 1:
            words = f"The customer has more than {deepest} levels of parents above it."
            yield Defect("hierarchy_unresolved", "too_deep", "account.parent_ref", words)
            return
