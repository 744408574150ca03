"""Invoices on the way to the ERP and back, on real rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.audit.work import Work
from apps.billing.actions.invoices import approve_invoice, draft_invoice, request_invoice_approval, submit_invoice
from apps.billing.actions.milestones import follow_invoice
from apps.billing.actions.statuses import Taken, take_status
from apps.billing.models import BillingMilestone, Invoice
from apps.canonical.billing import InvoiceStatus
from apps.core.actor import saga, system
from tests.contracts.story import STORY, achieved

BY = saga("milestone_billing")
ERP = system("tryton")
DAY = date(2026, 11, 20)


@contextmanager
def held(invoice: Invoice) -> Iterator[tuple[Work, Invoice, BillingMilestone]]:
    """Fresh rows of an invoice and its milestone, written at the end."""
    with transaction.atomic():
        work = Work()
        milestone = work.lock(BillingMilestone, [invoice.milestone_id])[invoice.milestone_id]
        yield work, work.lock(Invoice, [invoice.pk])[invoice.pk], milestone
        work.flush()


def drafted(
    milestone: BillingMilestone | None = None, amount: Decimal | None = None
) -> tuple[Invoice, BillingMilestone]:
    """A draft over a milestone (a fresh achieved one when none is given), committed."""
    milestone = milestone or achieved()
    with transaction.atomic():
        work = Work()
        row = work.lock(BillingMilestone, [milestone.pk])[milestone.pk]
        invoice = draft_invoice(work, row, amount=amount, invoice_date=DAY, correlation_id=STORY, by=BY).invoice
        work.flush()
    return invoice, row


def submitted(milestone: BillingMilestone | None = None, amount: Decimal | None = None) -> Invoice:
    """An invoice that the ERP holds, not posted yet."""
    invoice, _ = drafted(milestone, amount)
    with held(invoice) as (work, row, of):
        request_invoice_approval(work, row, of, by=BY)
        approve_invoice(work, row, of, by=BY)
        submit_invoice(work, row, by=BY)
    return Invoice.objects.get(pk=invoice.pk)


def shown(invoice: Invoice, state: str, **changes: Any) -> InvoiceStatus:
    """The invoice as the ERP shows it."""
    paid = {"paid": invoice.total, "partly_paid": invoice.total / 2}.get(state, Decimal(0))
    given: dict[str, Any] = {
        "ref": "77",
        "key": invoice.pk,
        "number": "" if state == "draft" else "2026/0077",
        "state": state,
        "currency": invoice.currency,
        "net": invoice.net,
        "tax": invoice.tax,
        "total": invoice.total,
        "open_balance": invoice.total - paid,
        "posted_on": None if state == "draft" else DAY,
    }
    return InvoiceStatus(**(given | changes))


def taken(invoice: Invoice, state: str, **changes: Any) -> Taken:
    """The status taken over and its milestone brought in step, committed."""
    with held(invoice) as (work, row, milestone):
        result = take_status(work, row, shown(row, state, **changes), by=ERP)
        follow_invoice(work, milestone, row, by=BY)
    return result
