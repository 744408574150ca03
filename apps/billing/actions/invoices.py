"""Invoices: drafted over a milestone or a part of it, taxed, approved, sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.audit.work import Work
from apps.billing.models import BillingMilestone, Invoice, InvoiceLine
from apps.billing.states import InvoiceState, MilestoneState
from apps.canonical.parties import TaxLine
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.core.ids import new_id
from apps.core.money import round_amount


@dataclass(frozen=True, slots=True)
class Drafted:
    """A new invoice and its lines; a line's reference for systems is its position."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]


def invoice_id(milestone_id: str, revision: int) -> str:
    """The canonical id of an invoice: it follows from its milestone and revision."""
    return new_id("INV", milestone_id, revision)


def draft_invoice(
    work: Work,
    milestone: BillingMilestone,
    *,
    amount: Decimal | None,
    invoice_date: date,
    correlation_id: str,
    by: Actor,
) -> Drafted:
    """An invoice over `amount` of an achieved milestone; None for the part reported achieved, or all that remains.

    The amount counts against the milestone from now on, so that parts can never pass it. No query.
    Raises Rejected(code="milestone_not_billable" | "amount_exceeds_milestone"); then nothing has changed.
    """
    part = _part(milestone, amount)
    if milestone.state == MilestoneState.ACHIEVED:
        work.move(milestone, "qualify", by=by, story=correlation_id)
    milestone.last_revision += 1
    milestone.invoiced_amount += part
    invoice = Invoice(
        id=invoice_id(milestone.pk, milestone.last_revision),
        contract_id=milestone.contract_id,
        project_id=milestone.project_id,
        milestone=milestone,
        revision=milestone.last_revision,
        legal_entity=milestone.legal_entity,
        currency=milestone.currency,
        net=part,
        tax=Decimal(0),
        total=part,
        open_balance=part,
        invoice_date=invoice_date,
        correlation_id=correlation_id,
    )
    after = {"milestone": milestone.pk, "revision": invoice.revision, "net": str(part), "currency": invoice.currency}
    work.create(invoice, by=by, after=after, at_story=correlation_id)
    line = InvoiceLine(
        invoice=invoice,
        position=1,
        description=milestone.name,
        service_line=milestone.service_line,
        amount=part,
    )
    return Drafted(invoice, (work.create(line, by=by),))


def apply_tax(
    work: Work, invoice: Invoice, lines: Sequence[InvoiceLine], quote: Sequence[TaxLine], *, by: Actor
) -> None:
    """Write a tax quote into a draft: per line its rate, code, amount and reason, and the invoice's totals.

    Several taxes on one line (state and county) are added up. Raises Rejected(code="tax_undeterminable") when the
    quote leaves a line out, taxes another amount, or speaks of a line that is not there; then nothing has changed.
    """
    quoted = {line.position: [one for one in quote if one.ref == str(line.position)] for line in lines}
    _require_complete(invoice, lines, quote, quoted)
    for line in lines:
        taxes = quoted[line.position]
        line.tax_code, line.tax_reason = taxes[0].code[:20], taxes[0].reason[:60]
        line.tax_rate_percent = sum((one.rate_percent for one in taxes), Decimal(0))
        line.tax_amount = sum((round_amount(one.amount, invoice.currency) for one in taxes), Decimal(0))
    before = {"tax": str(invoice.tax)}
    invoice.tax = sum((line.tax_amount for line in lines), Decimal(0))
    invoice.total = invoice.open_balance = invoice.net + invoice.tax
    after = {"tax": str(invoice.tax), "total": str(invoice.total)}
    work.note(invoice, verb="tax", by=by, before=before, after=after, story=invoice.correlation_id)


def request_invoice_approval(work: Work, invoice: Invoice, milestone: BillingMilestone, *, by: Actor) -> None:
    """Lines and tax are complete; somebody, or the policy, has to agree."""
    work.move(invoice, "request_approval", by=by, story=invoice.correlation_id)
    work.move(milestone, "request_approval", by=by, story=invoice.correlation_id)


def approve_invoice(work: Work, invoice: Invoice, milestone: BillingMilestone, *, by: Actor, why: str = "") -> None:
    """It may be sent to the ERP."""
    work.move(invoice, "approve", by=by, why=why, story=invoice.correlation_id)
    work.move(milestone, "approve", by=by, why=why, story=invoice.correlation_id)


def submit_invoice(work: Work, invoice: Invoice, *, by: Actor) -> None:
    """The ERP holds it, not posted yet."""
    work.move(invoice, "submit", by=by, story=invoice.correlation_id)


def reject_invoice(work: Work, invoice: Invoice, *, by: Actor, why: str) -> None:
    """The ERP refused to post it."""
    if invoice.state == InvoiceState.APPROVED:
        submit_invoice(work, invoice, by=by)
    work.move(invoice, "reject", by=by, why=why, story=invoice.correlation_id)


def _part(milestone: BillingMilestone, amount: Decimal | None) -> Decimal:
    if milestone.state not in (MilestoneState.ACHIEVED, MilestoneState.ELIGIBLE):
        raise Rejected(
            f"Milestone {milestone.code} ({milestone.pk}) is {milestone.get_state_display().lower()}; "
            "only an achieved one can be invoiced.",
            code="milestone_not_billable",
            field="milestone.state",
        )
    reported = milestone.evidence.get("amount")
    part = amount if amount is not None else Decimal(reported) if reported else milestone.remaining
    part = round_amount(part, milestone.currency)
    if not 0 < part <= milestone.remaining:
        raise Rejected(
            f"An invoice over {part} {milestone.currency} of milestone {milestone.code} ({milestone.pk}) is not possible: "
            f"{milestone.remaining} remains of {milestone.amount} ({milestone.invoiced_amount} invoiced, "
            f"{milestone.held_back} held back). Ask for a part of what remains.",
            code="amount_exceeds_milestone",
            field="amount",
        )
    return part


def _require_complete(
    invoice: Invoice, lines: Sequence[InvoiceLine], quote: Sequence[TaxLine], quoted: dict[int, list[TaxLine]]
) -> None:
    problem = ""
    if strange := {one.ref for one in quote} - {str(line.position) for line in lines}:
        problem = f"the tax quote speaks of line {min(strange)}, which the invoice does not have"
    for line in lines:
        if not quoted[line.position]:
            problem = f"the tax quote says nothing of line {line.position}"
        elif any(one.base != line.amount for one in quoted[line.position]):
            problem = f"the tax quote is over {quoted[line.position][0].base}, line {line.position} over {line.amount}"
    if problem:
        raise Rejected(
            f"{invoice.pk}: {problem}. Ask the tax engine for a new quote.",
            code="tax_undeterminable",
            field="tax_lines",
        )
