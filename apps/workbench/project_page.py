"""What one project page shows: where it stands in the chain, what is billed, its runs, cases and records elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from apps.access.models import User
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.queries import IN_THE_BOOKS
from apps.billing.states import MilestoneState
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import visible_cases
from apps.exceptions.states import LIVE_STATES
from apps.governance.crosswalk import all_external_ids
from apps.projects.models import Project
from apps.projects.states import BEFORE_ACTIVE, ProjectState
from apps.workbench.chain import STATES, Link, place_of
from apps.workbench.run_steps import RunCard, runs_of
from apps.workbench.words import state_look

_BILLABLE = (
    MilestoneState.ELIGIBLE,
    MilestoneState.AWAITING_APPROVAL,
    MilestoneState.APPROVED,
    MilestoneState.INVOICED,
    MilestoneState.SETTLED,
)


@dataclass(frozen=True, slots=True)
class MilestoneLine:
    """One milestone and how much of it is invoiced."""

    id: str
    title: str
    state: str
    due_on: date | None
    amount: Decimal
    invoiced: Decimal
    erp_ref: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One invoice with the ERP's own number and id."""

    id: str
    number: str
    state: str
    milestone: str
    net: Decimal
    tax: Decimal
    total: Decimal
    open_balance: Decimal
    invoice_date: date
    posted_on: date | None
    told_crm_at: datetime | None
    erp_ref: str


@dataclass(frozen=True, slots=True)
class Record:
    """One of our objects in another system."""

    object: str
    system: str
    kind: str
    external_id: str


@dataclass(frozen=True, slots=True)
class ProjectPanel:
    """All of one project, as the page shows it."""

    id: str
    name: str
    state: str
    customer: str
    entity: str
    contract: str
    sold_as: str
    service_line: str
    template: str
    cost_centre: str
    tax_code: str
    budget: Money
    posted: Money
    starts_on: date | None
    ends_on: date | None
    activated_at: datetime | None
    is_before_active: bool
    correlation_id: str
    chain: Sequence[Link]
    milestones: Sequence[MilestoneLine]
    invoices: Sequence[InvoiceLine]
    runs: Sequence[RunCard]
    cases: Sequence[ExceptionCase]
    records: Sequence[Record]


def panel_of(project: Project, *, user: User) -> ProjectPanel:
    """The panel of a project this user may see; the row brings contract and account. Nine queries."""
    contract, account = project.contract, project.contract.account
    milestones = list(BillingMilestone.objects.filter(project=project).order_by("due_on", "code"))
    invoices = list(Invoice.objects.filter(project=project).order_by("invoice_date", "pk"))
    subjects = [project.pk, *(row.pk for row in milestones), *(row.pk for row in invoices)]
    cases = list(
        visible_cases(user)
        .filter(correlation_id=project.correlation_id, entity__in=["", project.legal_entity])
        .order_by("due_at", "pk")[:50]
    )
    records = all_external_ids([*subjects, *([account.pk] if account else [])])
    refs = {(row.canonical_id, row.kind): row.external_id for row in records}
    posted = sum((row.net for row in invoices if row.state in IN_THE_BOOKS), Decimal(0))
    return ProjectPanel(
        id=project.pk,
        name=project.name,
        state=project.state,
        customer=account.name if account else "",
        entity=project.legal_entity,
        contract=contract.pk,
        sold_as=f"{contract.source_system} {contract.ref}",
        service_line=project.service_line,
        template=project.template_id or "",
        cost_centre=project.cost_centre,
        tax_code=project.tax_code,
        budget=Money(project.budget, project.currency),
        posted=Money(posted, project.currency),
        starts_on=project.starts_on,
        ends_on=project.ends_on,
        activated_at=project.activated_at,
        is_before_active=project.state in BEFORE_ACTIVE,
        correlation_id=project.correlation_id,
        chain=_chain(project, milestones, invoices, cases),
        milestones=[_milestone(row, refs.get((row.pk, "milestone"), "")) for row in milestones],
        invoices=[_invoice(row, milestones, refs.get((row.pk, "invoice"), "")) for row in invoices],
        runs=runs_of(subjects, user=user),
        cases=cases,
        records=[Record(row.canonical_id, row.system, row.kind.replace(":", " "), row.external_id) for row in records],
    )


def _chain(
    project: Project,
    milestones: Sequence[BillingMilestone],
    invoices: Sequence[Invoice],
    cases: Sequence[ExceptionCase],
) -> list[Link]:
    """The four business states: what is reached, and where an open case holds it up."""
    billable = sum(1 for row in milestones if row.state in _BILLABLE)
    posted = sum(1 for row in invoices if row.state in IN_THE_BOOKS)
    is_active = project.state not in (*BEFORE_ACTIVE, ProjectState.CANCELLED)
    reached = [True, is_active, billable > 0, posted > 0]
    words = [
        "Approved",
        state_look(project.state).word,
        f"{billable} of {len(milestones)}",
        f"{posted} invoice{'' if posted == 1 else 's'}",
    ]
    held = {place_of(saga=case.saga, awaiting=case.awaiting) for case in cases if case.state in LIVE_STATES}
    links = []
    for place, label in enumerate(STATES):
        if place in held:
            links.append(Link(label, "danger", "Blocked here"))
        elif reached[place]:
            links.append(Link(label, "ok", words[place]))
        elif place == 1:
            links.append(Link(label, state_look(project.state).tone, words[place]))
        else:
            links.append(Link(label, "neutral", "Not yet"))
    return links


def _milestone(row: BillingMilestone, erp_ref: str) -> MilestoneLine:
    return MilestoneLine(
        row.pk, f"{row.code} {row.name}", row.state, row.due_on, row.amount, row.invoiced_amount, erp_ref
    )


def _invoice(row: Invoice, milestones: Sequence[BillingMilestone], erp_ref: str) -> InvoiceLine:
    codes = {one.pk: one.code for one in milestones}
    return InvoiceLine(
        id=row.pk,
        number=row.number,
        state=row.state,
        milestone=codes.get(row.milestone_id or "", ""),
        net=row.net,
        tax=row.tax,
        total=row.total,
        open_balance=row.open_balance,
        invoice_date=row.invoice_date,
        posted_on=row.posted_on,
        told_crm_at=row.told_crm_at,
        erp_ref=erp_ref,
    )
