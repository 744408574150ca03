"""Taking an invoice back: its milestone gets the amount back and can be billed again; credit memos."""

from datetime import date
from typing import Literal

from apps.audit.work import Work
from apps.billing.models import BillingMilestone, CreditMemo, Invoice
from apps.billing.states import DEAD_INVOICES, CreditMemoState, InvoiceState, MilestoneState
from apps.core.actor import Actor
from apps.core.ids import new_id

_IN_THE_BOOKS = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.DISPUTED)
_UNDER_WAY = (MilestoneState.ELIGIBLE, MilestoneState.AWAITING_APPROVAL, MilestoneState.APPROVED)

_TOWARDS_APPLIED = {
    CreditMemoState.DRAFT: "request_approval",
    CreditMemoState.AWAITING_APPROVAL: "approve",
    CreditMemoState.APPROVED: "submit",
    CreditMemoState.SUBMITTED: "post",
    CreditMemoState.POSTED: "apply",
}


def release_invoice(
    work: Work,
    invoice: Invoice,
    milestone: BillingMilestone,
    *,
    by: Actor,
    outcome: Literal["voided", "credited"] = "voided",
    why: str = "",
) -> None:
    """The ERP has undone it, or it never got there: it counts no more, and its milestone is achieved again.

    What was in the books ends as credited, whatever the ERP calls it; what was not, as voided. Calling again changes
    nothing. Raises TransitionNotAllowed for a paid invoice: money has to go back first.
    """
    if invoice.state in DEAD_INVOICES:
        return
    reason = why or f"{outcome} in the ERP"
    transition = "credit" if invoice.state in (*_IN_THE_BOOKS, InvoiceState.PAID) else "void"
    work.move(invoice, transition, by=by, why=reason, story=invoice.correlation_id)
    invoice.open_balance -= invoice.open_balance
    milestone.invoiced_amount -= invoice.net
    _reopen(work, invoice, milestone, by=by, why=reason)


def credit_memo_id(invoice_id: str, reason: str, revision: int = 1) -> str:
    """The canonical id of a credit memo: it follows from its invoice, reason and revision."""
    return new_id("CRN", invoice_id, reason, revision)


def draft_credit(
    work: Work, invoice: Invoice, *, reason: str, credit_date: date, by: Actor, revision: int = 1
) -> CreditMemo:
    """A credit memo over the whole invoice. `revision` counts the attempts for one reason. One query.

    Asking again for the same returns the one there is.
    """
    pk = credit_memo_id(invoice.pk, reason, revision)
    if pk in (known := work.lock(CreditMemo, [pk])):
        return known[pk]
    memo = CreditMemo(
        id=pk,
        invoice=invoice,
        reason=reason[:255],
        legal_entity=invoice.legal_entity,
        currency=invoice.currency,
        total=invoice.total,
        credit_date=credit_date,
        correlation_id=invoice.correlation_id,
    )
    after = {"invoice": invoice.pk, "total": str(memo.total), "currency": memo.currency}
    return work.create(memo, by=by, why=reason, after=after, at_story=invoice.correlation_id)


def apply_credit(work: Work, memo: CreditMemo, *, number: str, by: Actor, why: str = "") -> None:
    """The ERP has it in its books and set off against the invoice: walk the states that are left. No query."""
    memo.number = number or memo.number
    while transition := _TOWARDS_APPLIED.get(memo.state):
        work.move(memo, transition, by=by, why=why, story=memo.correlation_id)


def _reopen(work: Work, invoice: Invoice, milestone: BillingMilestone, *, by: Actor, why: str) -> None:
    story = invoice.correlation_id
    if milestone.state in _UNDER_WAY and invoice.revision != milestone.last_revision:
        # Another part of it is being invoiced; the amount is back, and that goes on.
        return
    if milestone.state in (*_UNDER_WAY, MilestoneState.INVOICED):
        work.move(milestone, "reopen", by=by, why=why, story=story)
    elif milestone.state == MilestoneState.PLANNED and milestone.achieved_on:
        # The rest of it is still to come; the part just released was achieved once.
        work.move(
            milestone, "achieve", by=by, why=why, story=story, on=milestone.achieved_on, evidence=milestone.evidence
        )
    if milestone.state == MilestoneState.ACHIEVED:
        kept = {name: value for name, value in milestone.evidence.items() if name != "amount"}
        is_part = invoice.net < milestone.remaining
        milestone.evidence = {**kept, "amount": str(invoice.net)} if is_part else kept
