"""Milestones: planned from the contract's terms, achieved by delivery, in step with their invoices."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from apps.audit.work import Work
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState, MilestoneState
from apps.canonical.contracts import ContractLine, MilestoneTerm
from apps.core.actor import Actor
from apps.core.errors import BadInput
from apps.core.ids import new_id
from apps.projects.models import Project

_POSTED = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.DISPUTED)

# Its invoice is drafted, or on its way.
HeldMilestones = dict[str, dict[tuple[str, str], BillingMilestone]]
_UNDER_WAY = (MilestoneState.ELIGIBLE, MilestoneState.AWAITING_APPROVAL, MilestoneState.APPROVED)
_UNREACHABLE = (MilestoneState.ON_HOLD, MilestoneState.CANCELLED)


def milestone_id(contract_id: str, line_ref: str, code: str) -> str:
    """The canonical id of a milestone: it follows from its contract, line and code."""
    return new_id("BMS", contract_id, line_ref, code)


def plan_milestones(
    work: Work,
    plans: Sequence[tuple[Project, Sequence[ContractLine]]],
    *,
    by: Actor,
    held: HeldMilestones | None = None,
) -> dict[str, list[BillingMilestone]]:
    """Project id → its milestones in the order of the terms. Planning again changes what is still planned.

    Lines of other legal entities are passed over. A milestone already achieved stays as it was achieved; a planned
    one that the terms no longer have is cancelled. `held`: what hold_milestones gave for a larger set; without it, two
    queries.
    """
    known = held if held is not None else hold_milestones(work, [project.pk for project, _ in plans])
    return {project.pk: _plan(work, project, lines, known.get(project.pk, {}), by=by) for project, lines in plans}


def achieve(
    work: Work,
    milestone: BillingMilestone,
    *,
    on: date,
    evidence: Mapping[str, Any],
    by: Actor,
    amount: Decimal | None = None,
    why: str = "",
) -> bool:
    """Delivery says it is done; `amount` where only a part of it is. `on`: a day in the entity's zone.

    Returns whether anything changed: it does not where an invoice is under way already or nothing remains. While no
    invoice is drafted, later evidence replaces earlier. Raises BadInput for a part that is more than what remains,
    TransitionNotAllowed for a milestone on hold or cancelled.
    """
    if milestone.state in _UNDER_WAY or (milestone.state not in _UNREACHABLE and milestone.remaining <= 0):
        return False
    if amount is not None and not 0 < amount <= milestone.remaining:
        raise BadInput(
            f"{amount} of milestone {milestone.code} is reported, {milestone.remaining} remains to be invoiced",
            path="amount",
            mend="Report a part of what remains, or leave the amount out for all of it.",
        )
    kept = dict(evidence) if amount is None else {**evidence, "amount": str(amount)}
    if milestone.state == MilestoneState.ACHIEVED:
        if (milestone.achieved_on, milestone.evidence) == (on, kept):
            return False
        milestone.achieved_on, milestone.evidence = on, kept
        work.note(milestone, verb="achieve", by=by, why=why, source=milestone.state, target=milestone.state)
        return True
    work.move(milestone, "achieve", by=by, why=why, on=on, evidence=kept)
    return True


def follow_invoice(
    work: Work, milestone: BillingMilestone, invoice: Invoice, *, by: Actor, others_open: bool = False
) -> None:
    """Bring a milestone in step with its invoice: posted → invoiced, a rest → planned again, all paid → settled.

    others_open: another invoice of the milestone is not paid yet. Calling again changes nothing.
    """
    if invoice.state not in _POSTED:
        return
    story = invoice.correlation_id
    if milestone.state == MilestoneState.APPROVED and invoice.revision == milestone.last_revision:
        work.move(milestone, "invoice", by=by, why=f"{invoice.pk} is posted", story=story)
        if milestone.remaining > 0:
            work.move(milestone, "expect_rest", by=by, why=f"{milestone.remaining} remains", story=story)
    if milestone.state == MilestoneState.INVOICED and invoice.state == InvoiceState.PAID and not others_open:
        work.move(milestone, "settle", by=by, why=f"{invoice.pk} is paid", story=story)


def hold_milestones(work: Work, project_ids: Collection[str]) -> HeldMilestones:
    """The milestones there are, by project, then line and code; locked. Two queries."""
    known: HeldMilestones = {}
    pks = BillingMilestone.objects.filter(project__in=project_ids).values_list("pk", flat=True)
    for row in work.lock(BillingMilestone, pks).values():
        known.setdefault(row.project_id, {})[row.line_ref, row.code] = row
    return known


def _plan(
    work: Work,
    project: Project,
    lines: Sequence[ContractLine],
    known: Mapping[tuple[str, str], BillingMilestone],
    *,
    by: Actor,
) -> list[BillingMilestone]:
    own = [line for line in lines if line.legal_entity == project.legal_entity]
    planned = [
        _follow_terms(work, project, line, term, known.get((line.ref, term.code)), by=by)
        for line in own
        for term in line.milestones
    ]
    wanted = {(line.ref, term.code) for line in own for term in line.milestones}
    for key, row in known.items():
        if key not in wanted and row.state == MilestoneState.PLANNED and not row.invoiced_amount:
            work.move(row, "cancel", by=by, why="the contract no longer has it", story=project.correlation_id)
    return planned


def _follow_terms(
    work: Work,
    project: Project,
    line: ContractLine,
    term: MilestoneTerm,
    row: BillingMilestone | None,
    *,
    by: Actor,
) -> BillingMilestone:
    if row is None:
        return _create(work, project, line, term, by=by)
    if row.state == MilestoneState.PLANNED and not row.invoiced_amount:
        _fill(row, line, term)
    return row


def _create(work: Work, project: Project, line: ContractLine, term: MilestoneTerm, *, by: Actor) -> BillingMilestone:
    row = BillingMilestone(
        id=milestone_id(project.contract_id, line.ref, term.code),
        contract_id=project.contract_id,
        project=project,
        line_ref=line.ref,
        code=term.code,
        legal_entity=project.legal_entity,
        currency=project.currency,
    )
    _fill(row, line, term)
    after = {"project": project.pk, "code": row.code, "amount": str(row.amount), "currency": row.currency}
    return work.create(row, by=by, after=after, at_story=project.correlation_id)


def _fill(row: BillingMilestone, line: ContractLine, term: MilestoneTerm) -> None:
    row.name, row.amount, row.due_on, row.service_line = term.name, term.amount, term.due_on, line.service_line
