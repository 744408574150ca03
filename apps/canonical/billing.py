"""What is billed: milestones, invoices, credit memos and revenue as systems are told of them."""

from datetime import date
from decimal import Decimal
from typing import Literal

from apps.canonical.base import Amount, Canonical, Code, Currency, CurrencyOrNone, Name, Percent, Text
from apps.canonical.parties import TaxLine


class BillingMilestone(Canonical):
    """One line of the billing schedule; `id` is canonical (``BMS-…``)."""

    id: Code
    code: Code
    name: Name
    amount: Amount
    due_on: date | None = None


class InvoiceLine(Canonical):
    """`ref` is unique within the invoice; `milestone_ref` is the ERP's id of the schedule line, empty when it has none."""

    ref: Code
    description: Name
    service_line: Code
    quantity: Amount = Decimal(1)
    amount: Amount
    milestone_id: Text = ""
    milestone_ref: Text = ""
    # Nothing of the milestone is left after this line; an ERP that bills a schedule line once is told of it only then.
    closes_milestone: bool = True
    tax_code: Text = ""
    tax_rate_percent: Percent = Decimal(0)
    tax_amount: Amount = Decimal(0)


class Invoice(Canonical):
    """An invoice to be created. `invoice_date` is a day in the legal entity's zone; totals before and with tax."""

    id: Code
    legal_entity: Code
    currency: Currency
    customer_id: Code
    customer_ref: Text
    project_id: Code
    project_ref: Text
    invoice_date: date
    due_days: int = 30
    po_number: Text = ""
    lines: tuple[InvoiceLine, ...]
    tax_lines: tuple[TaxLine, ...] = ()
    net: Amount
    tax: Amount
    total: Amount


class InvoiceStatus(Canonical):
    """An invoice as the ERP shows it. `key` is our invoice id where the ERP keeps it.

    state: the canonical word; ``draft`` not posted yet, ``open`` posted and nothing paid.
    """

    ref: Code
    key: Text = ""
    number: Text = ""
    state: Literal["draft", "posted", "partly_paid", "paid", "voided", "credited", "disputed"]
    currency: CurrencyOrNone = ""
    net: Amount
    tax: Amount
    total: Amount
    open_balance: Amount
    posted_on: date | None = None
    # The ERP's own version of the row, such as a last-modified stamp; empty when it has none.
    version: Text = ""


class RevenueLine(Canonical):
    """Planned revenue of one month (its first day)."""

    period: date
    amount: Amount
