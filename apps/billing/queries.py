"""Reads over billing, one query per table whatever the number of milestones."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Q, Sum

from apps.billing.eligibility import BillingFacts, Period
from apps.billing.models import BillingMilestone, FiscalPeriod, Invoice
from apps.billing.states import DEAD_INVOICES, InvoiceState, MilestoneState
from apps.contracts.models import ContractLine, TaxProfile
from apps.contracts.queries import tax_profiles
from apps.core import clock

IN_THE_BOOKS = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.DISPUTED)
_ON_ITS_WAY = (InvoiceState.DRAFT, InvoiceState.AWAITING_APPROVAL, InvoiceState.APPROVED, InvoiceState.SUBMITTED)
_NOT_ACHIEVED = (MilestoneState.PLANNED, MilestoneState.ON_HOLD, MilestoneState.CANCELLED)
_OPEN = (MilestoneState.PLANNED, MilestoneState.ON_HOLD)
_NOTHING = (Decimal(0), Decimal(0))


def billing_facts(
    milestone_ids: Collection[str], *, asked: Mapping[str, Decimal] | None = None, on: date | None = None
) -> dict[str, BillingFacts]:
    """Milestone id → what the eligibility rules ask. Six queries whatever the number.

    asked: the part to be invoiced, by milestone; else the part its evidence names, else all that remains.
    on:    the day the tax profile must be in force (today, UTC).
    """
    rows = list(BillingMilestone.objects.filter(pk__in=milestone_ids).select_related("contract__account", "project"))
    contracts = {row.contract_id for row in rows}
    used = _used({row.contract_id for row in rows if row.contract.po_amount is not None})
    periods = _periods({row.legal_entity for row in rows})
    accounts = {row.contract.account_id for row in rows if row.contract.account_id}
    profiles = tax_profiles(accounts, on=on or clock.now().date())
    predecessors = _predecessors(rows, contracts)
    return {
        row.pk: _facts(row, (asked or {}).get(row.pk), used, periods.get(row.legal_entity, ()), profiles, predecessors)
        for row in rows
    }


def po_used(contract_ids: Collection[str]) -> dict[str, Decimal]:
    """Contract id → posted invoices less credits, before tax. Contracts without any are missing. One query.

    A credit memo takes back a whole invoice, so a credited invoice simply counts no more.
    """
    return {contract: posted for contract, (posted, _) in _used(contract_ids).items()}


def open_invoices(milestone_ids: Collection[str]) -> dict[str, set[str]]:
    """Milestone id → ids of its invoices that live and are not paid. One query."""
    rows = Invoice.objects.filter(milestone__in=milestone_ids).exclude(state__in=[*DEAD_INVOICES, InvoiceState.PAID])
    found: dict[str, set[str]] = {}
    for milestone, invoice in rows.values_list("milestone_id", "pk"):
        found.setdefault(milestone, set()).add(invoice)
    return found


def _used(contract_ids: Collection[str]) -> dict[str, tuple[Decimal, Decimal]]:
    """Contract → what is posted, and what is on its way to be."""
    rows = (
        Invoice.objects.filter(contract__in=contract_ids)
        .values_list("contract_id")
        .annotate(
            posted=Sum("net", filter=Q(state__in=IN_THE_BOOKS), default=Decimal(0)),
            coming=Sum("net", filter=Q(state__in=_ON_ITS_WAY), default=Decimal(0)),
        )
        .order_by()
    )
    return {contract: (posted, coming) for contract, posted, coming in rows}


def _periods(entities: Collection[str]) -> dict[str, tuple[Period, ...]]:
    rows = FiscalPeriod.objects.filter(legal_entity__in=entities, subledger="receivables").order_by("starts_on")
    found: dict[str, tuple[Period, ...]] = {}
    for row in rows:
        found[row.legal_entity_id] = (
            *found.get(row.legal_entity_id, ()),
            Period(row.starts_on, row.ends_on, row.state),
        )
    return found


def _predecessors(rows: Collection[BillingMilestone], contracts: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Milestone id → codes of open milestones of its line that are due before it, where the line keeps an order."""
    free = set(
        ContractLine.objects.filter(contract__in=contracts, milestones_in_order=False).values_list("contract_id", "ref")
    )
    lines: dict[tuple[str, str], list[BillingMilestone]] = {}
    for row in BillingMilestone.objects.filter(contract__in=contracts, state__in=_OPEN):
        lines.setdefault((row.contract_id, row.line_ref), []).append(row)
    found = {}
    for row in rows:
        line = (row.contract_id, row.line_ref)
        earlier = [] if line in free else [other for other in lines.get(line, []) if _place(other) < _place(row)]
        found[row.pk] = tuple(other.code for other in sorted(earlier, key=_place))
    return found


def _place(row: BillingMilestone) -> tuple[date, int, str]:
    # M2 comes before M10, and what has no date comes last.
    return row.due_on or date.max, len(row.code), row.code


def _facts(
    row: BillingMilestone,
    asked: Decimal | None,
    used: Mapping[str, tuple[Decimal, Decimal]],
    periods: tuple[Period, ...],
    profiles: Mapping[tuple[str, str, str], TaxProfile],
    predecessors: Mapping[str, tuple[str, ...]],
) -> BillingFacts:
    contract, account = row.contract, row.contract.account
    evidence = dict(row.evidence)
    reported = evidence.pop("amount", None)
    posted, coming = used.get(contract.pk, _NOTHING)
    return BillingFacts(
        milestone_id=row.pk,
        code=row.code,
        is_achieved=row.state not in _NOT_ACHIEVED,
        is_on_hold=row.state == MilestoneState.ON_HOLD,
        has_evidence=bool(evidence),
        currency=row.currency,
        amount=row.amount,
        held_back=row.held_back,
        invoiced=row.invoiced_amount,
        legal_entity=row.legal_entity,
        contract_state=contract.state,
        project_state=row.project.state,
        account_state=account.state if account else "",
        has_credit_hold=bool(account and account.credit_hold),
        has_tax_profile=(contract.account_id or "", row.legal_entity, row.service_line) in profiles,
        periods=periods,
        asked=asked if asked is not None else Decimal(reported) if reported else None,
        po_number=contract.po_number,
        po_amount=contract.po_amount,
        po_used=posted,
        po_reserved=coming,
        predecessors=predecessors[row.pk],
    )
