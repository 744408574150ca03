"""A milestone is billed in parts, which add up to it and never pass it."""

from decimal import Decimal

from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState
from apps.exceptions.models import ExceptionCase
from tests.plugins.estate import Estate


def test_parts_of_a_milestone_are_invoiced_until_it_is_used_up(company: Estate) -> None:
    project = company.activated(company.win())

    company.bill(project, "M1", amount="400.00")
    company.bill(project, "M1", amount="600.00")
    company.bill(project, "M1", amount="0.01")

    invoices = Invoice.objects.filter(milestone__code="M1").exclude(state=InvoiceState.VOIDED).order_by("revision")
    assert [(invoice.net, invoice.state) for invoice in invoices] == [
        (Decimal("400.000000"), InvoiceState.POSTED),
        (Decimal("600.000000"), InvoiceState.POSTED),
    ]
    assert BillingMilestone.objects.get(code="M1").remaining == 0
    assert ExceptionCase.objects.get().kind == "schedule_total_mismatch"
