"""A contract as the CRM states it now: taken over field by field, versioned, and approved once it is won."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from apps.audit.work import Work
from apps.canonical import contracts as canonical
from apps.canonical import parties
from apps.canonical.codec import to_json
from apps.contracts.actions.accounts import (
    FieldBreach,
    Source,
    account_id,
    hold_accounts,
    stated_values,
    upsert_account,
)
from apps.contracts.amendments import Change, commercial, differences, entity_content, terms_hash
from apps.contracts.models import Account, Contract, ContractLine, ContractRevision
from apps.contracts.queries import current_terms
from apps.contracts.states import AccountState, ContractState
from apps.core import clock
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.governance.ownership import Matrix, check_write, rules_now

_COLUMNS = ("name", "currency", "value", "starts_on", "ends_on", "po_number", "po_amount", "delivery_model")
# A contract cannot be without them: the first reading gives them, whoever owns them afterwards.
_NEEDED = ("name", "currency", "value")
_WON = (ContractState.APPROVED, ContractState.ACTIVE, ContractState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Reading:
    """One contract as one system states it. `system_kind` (``crm``) is what ownership is decided by."""

    system: str
    system_kind: str
    terms: canonical.Contract
    stream_key: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class EntityTerms:
    """What one legal entity delivers, and the hash that approvals of its project are bound to."""

    legal_entity: str
    lines: tuple[canonical.ContractLine, ...]
    amount: Decimal
    terms_hash: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a reading led to.

    changes:  what differs from the version before; of a contract that is no longer won, only that it is lost.
    breaches: fields the system wrote without owning them, with the policy that was applied.
    entities: of the terms now in force, one per legal entity, in order of the lines.
    """

    contract: Contract
    account: Account | None
    is_new: bool
    newly_approved: bool
    changes: tuple[Change, ...]
    breaches: tuple[FieldBreach, ...]
    entities: tuple[EntityTerms, ...]

    @property
    def is_lost(self) -> bool:
        """It was won and is not any more; nothing has been undone."""
        return any(change.path == "won" for change in self.changes)

    @property
    def is_amended(self) -> bool:
        """A further version of its terms came into force."""
        return bool(self.changes) and not self.is_lost


@dataclass(slots=True)
class _Held:
    """What the set of readings is about, loaded once."""

    rules: Matrix
    accounts: dict[str, Account]
    contracts: dict[str, Contract]
    lines: dict[str, dict[str, ContractLine]] = field(default_factory=dict)
    terms: dict[str, canonical.Contract] = field(default_factory=dict)


def apply_terms(work: Work, readings: Sequence[Reading], *, by: Actor) -> list[Applied]:
    """Take over what the readings say; one Applied per reading, in order. At most seven queries whatever their number.

    Reading the same terms again changes nothing. Locks customers, then contracts. Flush before calling it again
    with the same Work.
    """
    held = _hold(work, readings)
    return [_apply(work, reading, held, by=by) for reading in readings]


def contract_id(system: str, ref: str) -> str:
    """The canonical id of a contract: it follows from the CRM and its opportunity."""
    return new_id("CON", system, ref)


def entity_terms(terms: canonical.Contract) -> tuple[EntityTerms, ...]:
    """The terms by legal entity, in order of the lines."""
    content = commercial(terms)
    shares = []
    for entity in dict.fromkeys(line.legal_entity for line in terms.lines):
        lines = tuple(line for line in terms.lines if line.legal_entity == entity)
        amount = sum((line.amount for line in lines), Decimal(0))
        shares.append(EntityTerms(entity, lines, amount, terms_hash(entity_content(content, entity))))
    return tuple(shares)


def _hold(work: Work, readings: Sequence[Reading]) -> _Held:
    rules = rules_now()
    accounts = hold_accounts(
        work, {account_id(one.system, party.ref) for one in readings for party in _parties(one.terms)}
    )
    contracts = work.lock(Contract, {contract_id(one.system, one.terms.ref) for one in readings})
    held = _Held(rules, accounts, contracts)
    if contracts:
        # The contract's lock is the lock of its lines.
        for line in ContractLine.objects.filter(contract__in=contracts):
            held.lines.setdefault(line.contract_id, {})[line.ref] = work.track(line)
        held.terms = current_terms(contracts)
    return held


def _apply(work: Work, reading: Reading, held: _Held, *, by: Actor) -> Applied:
    pk = contract_id(reading.system, reading.terms.ref)
    account, breaches = _parties_told(work, reading, held, before=held.terms.get(pk), by=by)
    contract = held.contracts.get(pk)
    if contract is None:
        return _create(work, pk, reading, held, account=account, breaches=breaches, by=by)
    if contract.state in _WON and not reading.terms.won:
        lost = Change("won", "Opportunity", "won", "lost")
        return Applied(contract, account, False, False, (lost,), breaches, entity_terms(held.terms[pk]))
    terms, more = _owned(contract, reading, held, account=account)
    changes = _revise(work, contract, terms, held, account=account, reading=reading, by=by)
    approved = _approve(work, contract, account, won=reading.terms.won, story=reading.correlation_id, by=by)
    return Applied(contract, account, False, approved, changes, (*breaches, *more), entity_terms(terms))


def _parties_told(
    work: Work, reading: Reading, held: _Held, *, before: canonical.Contract | None, by: Actor
) -> tuple[Account | None, tuple[FieldBreach, ...]]:
    said_before = {party.ref: stated_values(party) for party in _parties(before)} if before else {}
    source = Source(reading.system, reading.system_kind, held.rules, reading.correlation_id, by)
    account: Account | None = None
    breaches: list[FieldBreach] = []
    for party in _parties(reading.terms):
        row, found = upsert_account(
            work, held.accounts, party, source=source, said_before=said_before.get(party.ref, {})
        )
        account = row if party is reading.terms.account else account
        breaches += found
    return account, tuple(breaches)


def _create(
    work: Work,
    pk: str,
    reading: Reading,
    held: _Held,
    *,
    account: Account | None,
    breaches: tuple[FieldBreach, ...],
    by: Actor,
) -> Applied:
    contract = Contract(
        id=pk,
        source_system=reading.system,
        ref=reading.terms.ref,
        stream_key=reading.stream_key,
        correlation_id=reading.correlation_id,
        **{name: getattr(reading.terms, name) for name in _NEEDED},
    )
    terms, more = _owned(contract, reading, held, account=account, is_new=True)
    _fill(contract, terms, account, stated=reading.terms)
    contract.terms_hash = terms_hash(commercial(terms))
    after = {"revision": 1, "terms": contract.terms_hash, "value": str(contract.value), "currency": contract.currency}
    held.contracts[pk] = work.create(contract, by=by, after=after, at_story=reading.correlation_id)
    _write_version(work, contract, terms, held, by=by)
    approved = _approve(work, contract, account, won=reading.terms.won, story=reading.correlation_id, by=by)
    return Applied(contract, account, True, approved, (), (*breaches, *more), entity_terms(terms))


def _owned(
    contract: Contract, reading: Reading, held: _Held, *, account: Account | None, is_new: bool = False
) -> tuple[canonical.Contract, tuple[FieldBreach, ...]]:
    """The terms with every field put back that the system may not write, and what it tried."""
    terms, before = reading.terms, held.terms.get(contract.id)
    old: dict[str, Any] = {name: None if is_new else getattr(contract, name) for name in _COLUMNS}
    old["account"] = contract.account_id
    old["lines"] = commercial(before)["lines"] if before else None
    new: dict[str, Any] = {name: getattr(terms, name) for name in _COLUMNS}
    new["account"] = account.pk if account else None
    new["lines"] = commercial(terms)["lines"]
    claims = {name: (old[name], new[name]) for name in new if not (is_new and new[name] in (None, "", {}))}
    verdict = check_write(held.rules, claims, object="contract", system=reading.system_kind)
    kept = {breach.field for breach in verdict.breaches} - set(verdict.allowed)
    back = {name: _kept_value(name, before) for name in kept if not (is_new and name in _NEEDED)}
    if before is not None:
        back |= {name: old[name] for name in kept & set(_COLUMNS)}
    told = tuple(FieldBreach("contract", contract.id, breach) for breach in verdict.breaches)
    return terms.model_copy(update=back) if back else terms, told


def _kept_value(name: str, before: canonical.Contract | None) -> Any:
    if before is not None:
        return getattr(before, name)
    return canonical.Contract.model_fields[name].get_default() if name != "account" else None


def _revise(
    work: Work,
    contract: Contract,
    terms: canonical.Contract,
    held: _Held,
    *,
    account: Account | None,
    reading: Reading,
    by: Actor,
) -> tuple[Change, ...]:
    content = commercial(terms)
    changes = differences(commercial(held.terms[contract.id]), content)
    # What is only displayed follows without a new version.
    contract.name = terms.name
    if not changes:
        return ()
    before = _version(contract)
    _fill(contract, terms, account, stated=reading.terms)
    contract.revision += 1
    contract.terms_hash = terms_hash(content)
    work.note(
        contract,
        verb="amend",
        by=by,
        before=before,
        after={**_version(contract), "changes": [change.path for change in changes]},
        story=reading.correlation_id,
    )
    _write_version(work, contract, terms, held, by=by)
    return changes


def _write_version(work: Work, contract: Contract, terms: canonical.Contract, held: _Held, *, by: Actor) -> None:
    held.terms[contract.id] = terms
    revision = ContractRevision(
        contract=contract,
        number=contract.revision,
        terms=to_json(terms),
        terms_hash=contract.terms_hash,
        received_at=clock.now(),
    )
    work.create(revision, by=by)
    lines = held.lines.setdefault(contract.id, {})
    for line in terms.lines:
        row = lines.get(line.ref)
        if row is None:
            row = ContractLine(id=new_id("CTL", contract.id, line.ref), contract=contract, ref=line.ref)
            lines[line.ref] = work.create(row, by=by)
        _fill_line(row, line)
    for ref in lines.keys() - {line.ref for line in terms.lines}:
        if lines[ref].removed_in is None:
            lines[ref].removed_in = contract.revision


def _approve(work: Work, contract: Contract, account: Account | None, *, won: bool, story: str, by: Actor) -> bool:
    """A won opportunity is an approved contract, and its customer is one from then on."""
    if not won or contract.state not in (ContractState.DRAFT, ContractState.PENDING_APPROVAL):
        return False
    if contract.state == ContractState.DRAFT:
        work.move(contract, "submit", by=by, story=story)
    work.move(contract, "approve", by=by, why="the opportunity is won", story=story, at=clock.now())
    if account is not None and account.state == AccountState.PROSPECT:
        work.move(account, "activate", by=by, why=f"contract {contract.id} is approved", story=story)
    return True


def _fill(
    contract: Contract, terms: canonical.Contract, account: Account | None, *, stated: canonical.Contract
) -> None:
    for name in _COLUMNS:
        setattr(contract, name, getattr(terms, name))
    # Where another customer was put back, the contract keeps the one it has.
    if terms.account is stated.account:
        contract.account = account


def _fill_line(row: ContractLine, line: canonical.ContractLine) -> None:
    row.legal_entity, row.service_line, row.billing_method = line.legal_entity, line.service_line, line.billing_method
    row.amount, row.milestones_in_order, row.removed_in = line.amount, line.milestones_in_order, None


def _parties(terms: canonical.Contract) -> list[parties.Account]:
    """The customer and its parents, each once."""
    stated = [terms.account, *terms.hierarchy] if terms.account else list(terms.hierarchy)
    return list({party.ref: party for party in reversed(stated)}.values())[::-1]


def _version(contract: Contract) -> dict[str, Any]:
    return {
        "revision": contract.revision,
        "terms": contract.terms_hash,
        "value": str(contract.value),
        "currency": contract.currency,
    }
