"""Customers as a system states them: created and changed field by field, as far as that system owns the field."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.audit.work import Work
from apps.canonical.parties import Account as Stated
from apps.contracts.likeness import name_key, tax_key
from apps.contracts.models import Account
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.governance.ownership import Breach, Matrix, check_write

_FIELDS = ("name", "tax_id", "country", "parent_ref", "bill_to", "payment_terms_days", "domain")


@dataclass(frozen=True, slots=True)
class FieldBreach:
    """A field that a system wrote without owning it; `object` and `breach.field` in canonical words."""

    object: str
    subject_id: str
    breach: Breach

    def message(self, *, system: str) -> str:
        """In words, for the case."""
        return self.breach.message(object=self.object, system=system)


@dataclass(frozen=True, slots=True)
class Source:
    """Who tells: the system and its kind, the matrix in force, the story it belongs to."""

    system: str
    system_kind: str
    rules: Matrix
    story: str
    by: Actor


def account_id(system: str, ref: str) -> str:
    """The canonical id of a customer: it follows from the system that told of it and its id there."""
    return new_id("ACC", system, ref)


def hold_accounts(work: Work, ids: Collection[str]) -> dict[str, Account]:
    """These customers, locked; those that do not exist yet can be created by nobody else until the transaction ends.

    Two contracts of one new customer may be read at once, in two workers. One query when all exist, else three.
    """
    known = work.lock(Account, ids)
    missing = sorted(set(ids) - set(known))
    if not missing:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock(hashtextextended(name, 0))) FROM unnest(%s::text[]) AS name", [missing]
        )
    return {**known, **work.lock(Account, missing)}


def upsert_account(
    work: Work, known: dict[str, Account], stated: Stated, *, source: Source, said_before: Mapping[str, Any]
) -> tuple[Account, tuple[FieldBreach, ...]]:
    """The customer as `stated`, in `known` too. `said_before`: what the same source said last time.

    What is merely repeated is no breach: the owner's value, changed since, stays without complaint.
    """
    pk = account_id(source.system, stated.ref)
    account = known.get(pk)
    if account is None:
        return _create(work, known, pk, stated, source=source)
    changes = {name: (getattr(account, name), value) for name, value in stated_values(stated).items()}
    verdict = check_write(source.rules, changes, object="account", system=source.system_kind)
    repeated = {name for name, (_, value) in changes.items() if name in said_before and said_before[name] == value}
    breaches = [breach for breach in verdict.breaches if breach.field not in repeated]
    silent = {breach.field for breach in verdict.breaches} & repeated
    # Who leaves a field empty once more says nothing about what somebody else has filled in since.
    silent |= {name for name in repeated if changes[name][1] in (None, "")}
    written = {name: new for name, (_, new) in verdict.allowed.items() if name not in silent}
    if written:
        write_account(account, written)
        work.note(account, verb="change", by=source.by, after={"fields": sorted(written)}, story=source.story)
    return account, _told(pk, breaches)


def stated_values(stated: Stated) -> dict[str, Any]:
    """A stated customer's governed fields as they are stored."""
    values = {name: getattr(stated, name) for name in _FIELDS}
    return {**values, "bill_to": stated.bill_to.model_dump(mode="json") if stated.bill_to else None}


def _create(
    work: Work, known: dict[str, Account], pk: str, stated: Stated, *, source: Source
) -> tuple[Account, tuple[FieldBreach, ...]]:
    # Leaving a field empty is no claim to it.
    claims = {name: (None, value) for name, value in stated_values(stated).items() if value not in (None, "")}
    verdict = check_write(source.rules, claims, object="account", system=source.system_kind)
    account = Account(id=pk, source_system=source.system, ref=stated.ref)
    # Nobody is a customer without a name: whoever tells of it first may give it.
    write_account(account, {"name": stated.name, **{name: new for name, (_, new) in verdict.allowed.items()}})
    after = {"source": source.system, "ref": stated.ref}
    known[pk] = work.create(account, by=source.by, after=after, at_story=source.story)
    return account, _told(pk, verdict.breaches)


def write_account(account: Account, values: Mapping[str, Any]) -> None:
    """Set fields of a held customer, and what its likeness to others is judged by."""
    for name, value in values.items():
        setattr(account, name, value)
    account.name_key, account.tax_key = name_key(account.name), tax_key(account.tax_id)


def _told(pk: str, breaches: Sequence[Breach]) -> tuple[FieldBreach, ...]:
    return tuple(FieldBreach("account", pk, breach) for breach in breaches)
