"""What we ask of a system, imperative. Each names the event its answer becomes.

Every command carries what its system needs; the idempotency key, the legal entity and the
correlation id travel beside it on the outbox row.
"""

from datetime import date
from typing import Any, ClassVar

from pydantic import Field

from apps.canonical.base import Amount, Canonical, Code, Currency, Name, Text
from apps.canonical.billing import BillingMilestone, Invoice, RevenueLine
from apps.canonical.parties import Account
from apps.canonical.projects import BudgetLine, Project, ProjectTask


class Command(Canonical):
    """Base of all commands. `receipt` is the name of the event that says it was done."""

    receipt: ClassVar[str]
    # A read has no effect: it may be sent again at will, and a failure is always transient.
    is_read: ClassVar[bool] = False


class ReadOpportunity(Command):
    """Fetch a deal with its customer, hierarchy and lines. The answer's payload is a canonical Contract."""

    receipt = "opportunity.read"
    is_read = True
    ref: Code


class UpdateOpportunity(Command):
    """Write project and billing news back to the CRM. None leaves a field alone."""

    receipt = "opportunity.updated"
    ref: Code
    project_id: Text | None = None
    project_status: Text | None = None
    invoice_number: Text | None = None
    invoice_status: Text | None = None
    invoice_date: date | None = None
    invoiced_amount: Amount | None = None
    currency: Currency


class UpsertCustomer(Command):
    """Create or change the customer, found by its canonical id. Answer: `ref`."""

    receipt = "customer.upserted"
    customer_id: Code
    legal_entity: Code
    currency: Currency
    account: Account
    tax_code: Text = ""


class CreateProject(Command):
    """Create the project shell. Answer: `ref`, `version`; payload may carry the ERP's project number."""

    receipt = "project.created"
    project: Project


class UpsertTasks(Command):
    """Create or change tasks by code. Answer payload: {"tasks": {code: ref}}."""

    receipt = "tasks.upserted"
    project_id: Code
    project_ref: Code
    legal_entity: Code
    tasks: tuple[ProjectTask, ...]


class SetBudget(Command):
    """Set the baseline budget."""

    receipt = "budget.set"
    project_id: Code
    project_ref: Code
    legal_entity: Code
    currency: Currency
    lines: tuple[BudgetLine, ...]


class CreateBillingSchedule(Command):
    """Create the milestones in the ERP. Answer payload: {"milestones": {milestone id: ref}}."""

    receipt = "schedule.created"
    project_id: Code
    project_ref: Code
    customer_ref: Text
    legal_entity: Code
    currency: Currency
    service_line: Code
    milestones: tuple[BillingMilestone, ...]


class SetRevenueSchedule(Command):
    """Tell the ERP the planned revenue per month, where it takes that."""

    receipt = "revenue.planned"
    project_id: Code
    project_ref: Code
    legal_entity: Code
    currency: Currency
    lines: tuple[RevenueLine, ...]


class CreateInvoice(Command):
    """Create an invoice, not posted where the ERP can keep it so. Answer payload: InvoiceStatus."""

    receipt = "invoice.created"
    invoice: Invoice


class PostInvoice(Command):
    """Post an invoice that exists. Answer payload: InvoiceStatus."""

    receipt = "invoice.posted_in_erp"
    invoice_id: Code
    invoice_ref: Code
    legal_entity: Code


class ReadInvoice(Command):
    """Read an invoice as the ERP shows it now. Answer payload: InvoiceStatus."""

    receipt = "invoice.read"
    is_read = True
    invoice_id: Code
    invoice_ref: Code
    legal_entity: Code


class CancelProject(Command):
    """Undo of CreateProject: cancel or close the shell, whatever the ERP allows without trace in the books."""

    receipt = "project.cancelled"
    project_id: Code
    project_ref: Code
    legal_entity: Code


class CancelBillingSchedule(Command):
    """Undo of CreateBillingSchedule: no milestone of it may be billed any more."""

    receipt = "schedule.cancelled"
    project_id: Code
    project_ref: Code
    legal_entity: Code
    milestones: dict[str, str]


class VoidInvoice(Command):
    """Undo of CreateInvoice before it is posted. Answer payload: InvoiceStatus."""

    receipt = "invoice.voided"
    invoice_id: Code
    invoice_ref: Code
    legal_entity: Code


class CreditInvoice(Command):
    """Undo of PostInvoice: a credit memo over the whole invoice, posted and applied. Answer: `ref` of the credit memo,
    payload {"number": …, "invoice": InvoiceStatus}."""

    receipt = "invoice.credited"
    credit_memo_id: Code
    invoice_id: Code
    invoice_ref: Code
    legal_entity: Code
    credit_date: date
    reason: Name


class CheckPeriod(Command):
    """Ask whether the ERP's period of a day is open. Answer payload: {"state": "open"|"closing"|"closed", "period": …}."""

    receipt = "period.checked"
    is_read = True
    legal_entity: Code
    day: date


class Announce(Command):
    """Send a CloudEvent to a system of the estate; its signed answer, if any, is the answer's payload."""

    receipt = "announcement.delivered"
    # The CloudEvents type without the ``com.tieout.`` prefix, e.g. ``project.staffing_requested``.
    type: Code
    subject: Code
    body: dict[str, Any] = Field(default_factory=dict)


class RequestTaxProfile(Announce):
    """Ask the tax engine how this customer is taxed. Answer payload: TaxProfile."""

    receipt = "tax.profiled"


class RequestTaxQuote(Announce):
    """Ask the tax engine for the tax of an invoice. Answer payload: {"treatment", "jurisdiction", "lines": [TaxLine], "total_tax"}."""

    receipt = "tax.quoted"


COMMANDS: dict[str, type[Command]] = {
    command.__name__: command
    for command in (
        ReadOpportunity, UpdateOpportunity, UpsertCustomer, CreateProject, UpsertTasks, SetBudget,
        CreateBillingSchedule, SetRevenueSchedule, CreateInvoice, PostInvoice, ReadInvoice, CancelProject,
        CancelBillingSchedule, VoidInvoice, CreditInvoice, CheckPeriod, Announce, RequestTaxProfile, RequestTaxQuote,
    )
}  # fmt: skip
