"""What the ERP says of an invoice by itself: paid, disputed, credited; heard by polling."""

from collections.abc import Sequence
from typing import Literal

from apps.billing.actions.milestones import follow_invoice
from apps.billing.actions.releases import release_invoice
from apps.billing.actions.revenue import hold_revenue, recognise
from apps.billing.actions.statuses import Difference, take_status
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.queries import open_invoices
from apps.billing.states import MilestoneState
from apps.canonical import events
from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import from_json
from apps.core import clock
from apps.core.actor import system as system_actor
from apps.core.context import correlated
from apps.core.money import Money
from apps.events.inbox import message
from apps.events.states import EventState
from apps.exceptions.findings import Finding
from apps.processes.batch import Batch
from apps.processes.consumer import reference_of
from apps.processes.told import Told


def take_invoice_status(batch: Batch, told: Sequence[Told]) -> None:
    """Move our invoices to what the ERP shows, and tell what that amounts to. Locks milestones before invoices."""
    invoices = {row.pk: row for row in Invoice.objects.filter(pk__in=[each.payload["subject"] for each in told])}
    milestones = batch.work.lock(BillingMilestone, {row.milestone_id for row in invoices.values() if row.milestone_id})
    invoices = batch.work.lock(Invoice, list(invoices))
    unpaid = open_invoices(list(milestones))
    for each in told:
        invoice = invoices.get(each.payload["subject"])
        if invoice is None:
            each.event.state = EventState.SUPERSEDED
            continue
        with correlated(invoice.correlation_id, causation=reference_of(each.event)):
            _take(
                batch,
                each,
                invoice,
                milestones.get(invoice.milestone_id or ""),
                others_open=bool(unpaid.get(invoice.milestone_id or "", set()) - {invoice.pk}),
            )


_UNDONE: dict[str, Literal["voided", "credited"]] = {
    events.INVOICE_VOIDED: "voided",
    events.INVOICE_CREDITED: "credited",
}


def _undone_in_erp(
    batch: Batch, invoice: Invoice, milestone: BillingMilestone, *, outcome: Literal["voided", "credited"]
) -> None:
    """Somebody undid the invoice in the ERP: the milestone is free again and its revenue taken back."""
    by, was_recognised = system_actor("erp"), invoice.posted_at is not None
    release_invoice(batch.work, invoice, milestone, by=by, outcome=outcome, why=f"{outcome} in the ERP")
    plan = hold_revenue(batch.work, [invoice.project_id]).get(invoice.project_id)
    if plan is not None and was_recognised:
        recognise(batch.work, plan, milestone_id=milestone.pk, amount=-invoice.net, on=clock.now().date(), by=by)


def _take(batch: Batch, told: Told, invoice: Invoice, milestone: BillingMilestone | None, *, others_open: bool) -> None:
    by = system_actor("erp")
    taken = take_status(batch.work, invoice, from_json(InvoiceStatus, told.payload["status"]), by=by)
    if milestone is not None and milestone.state == MilestoneState.INVOICED:
        follow_invoice(batch.work, milestone, invoice, by=by, others_open=others_open)
    for name in taken.events:
        if name in _UNDONE and milestone is not None:
            _undone_in_erp(batch, invoice, milestone, outcome=_UNDONE[name])
        batch.tell(
            message(
                name,
                {"subject": invoice.pk},
                stream_key=told.event.stream_key,
                external_id=f"{name}:{invoice.pk}:{told.event.pk}",
                correlation_id=invoice.correlation_id,
                causation_id=reference_of(told.event),
            )
        )
    if taken.differences:
        _report_differences(batch, told, invoice, taken.differences)


def _report_differences(batch: Batch, told: Told, invoice: Invoice, differences: Sequence[Difference]) -> None:
    words = "; ".join(f"{one.field}: ours {one.ours}, theirs {one.theirs}" for one in differences)
    batch.report(
        Finding(
            kind="reconciliation_difference",
            subject_type="invoice",
            subject_id=invoice.pk,
            stream_key=told.event.stream_key,
            reference=invoice.pk,
            message=f"The ERP holds invoice {invoice} with other values: {words}",
            entity=invoice.legal_entity,
            code="invoice_differs",
            field=differences[0].field,
            awaiting="values agree",
            amount=Money(invoice.total, invoice.currency),
            evidence={
                "canonical": {one.field: str(one.ours) for one in differences},
                "answer": {one.field: str(one.theirs) for one in differences},
            },
            correlation_id=invoice.correlation_id,
        )
    )
