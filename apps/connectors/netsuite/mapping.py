"""NetSuite's fields and our words, outbound: bodies of records. Pure: no HTTP, no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.canonical.billing import BillingMilestone, Invoice, InvoiceLine
from apps.canonical.commands import CreateBillingSchedule, CreditInvoice, SetBudget, UpsertCustomer
from apps.canonical.parties import BillingContact, TaxLine
from apps.canonical.projects import Project, ProjectTask
from apps.core.errors import Misconfigured, Rejected

# Our own fields on their records, to be created by the tenant; a name may be changed or emptied in settings["fields"].
FIELDS = {
    "charge_milestone": "custrecord_tieout_milestone",
    "invoice_milestone": "custbody_tieout_milestone",
    "credit_reference": "custbody_tieout_reference",
}
STATUS_ACTIVE, STATUS_CLOSED = "2", "1"
_FIELD = re.compile(r"cust[a-z0-9_]{1,60}\Z", re.ASCII)
HELD, NOT_BILLABLE = "HOLD_FOR_BILLING", "NON_BILLABLE"
TERMS_DAYS = (14, 30, 45, 60)


@dataclass(frozen=True, slots=True)
class Account:
    """How one NetSuite account names things: internal ids where the tenant gives them, external ids otherwise."""

    subsidiaries: Mapping[str, str]
    currencies: Mapping[str, str]
    items: Mapping[str, str]
    terms: Mapping[str, str]
    tax_codes: Mapping[str, str]
    fields: Mapping[str, str]
    active_status: str
    closed_status: str

    def reference(self, table: Mapping[str, str], code: str, *, entity: str = "") -> dict[str, str]:
        """{"id"} from the tenant's table, the entity's own name first, else {"externalId"}: masters then carry our codes."""
        found = table.get(f"{entity}:{code}", table.get(code))
        return {"externalId": code} if found is None else {"id": str(found)}


def account_of(settings: Mapping[str, Any], names: Mapping[str, Mapping[str, str]] | None = None) -> Account:
    """The defaults, what the tenant sets, and what people have mapped. Raises Misconfigured for a field name that is none."""
    names = names or {}
    fields = FIELDS | settings.get("fields", {})
    if unfit := [name for name in fields.values() if name and not _FIELD.match(str(name))]:
        raise Misconfigured(f"NetSuite: settings.fields: {unfit[0]!r} is no field's name.", code="permission_denied")
    return Account(
        subsidiaries={**settings.get("subsidiaries", {}), **names.get("legal_entity", {})},
        currencies={**settings.get("currencies", {}), **names.get("currency", {})},
        items={**settings.get("items", {}), **names.get("service_line", {})},
        terms={**settings.get("terms", {}), **names.get("payment_terms", {})},
        tax_codes={**settings.get("tax_codes", {}), **names.get("tax_code", {})},
        fields=fields,
        active_status=str(settings.get("active_status", STATUS_ACTIVE)),
        closed_status=str(settings.get("closed_status", STATUS_CLOSED)),
    )


def customer_key(command: UpsertCustomer) -> str:
    """A customer record belongs to one subsidiary, so each legal entity has its own."""
    return f"{command.customer_id}:{command.legal_entity}"


def task_key(project_id: str, task_code: str) -> str:
    return f"{project_id}:{task_code}"


def budget_key(project_id: str) -> str:
    return f"{project_id}:budget"


def to_customer(command: UpsertCustomer, *, account: Account) -> dict[str, Any]:
    """Customer body. Terms are left out when the account has none of that many days."""
    party = command.account
    body: dict[str, Any] = {
        "companyName": party.name,
        "isPerson": False,
        "subsidiary": account.reference(account.subsidiaries, command.legal_entity),
        "currency": account.reference(account.currencies, command.currency, entity=command.legal_entity),
    }
    if party.tax_id:
        body["vatRegNumber"] = party.tax_id
    days = party.payment_terms_days
    if str(days) in account.terms or days in TERMS_DAYS:
        body["terms"] = {"id": account.terms[str(days)]} if str(days) in account.terms else {"externalId": f"NET{days}"}
    if party.bill_to is not None:
        body["addressBook"] = {"items": [_address(party.bill_to)]}
        if party.bill_to.email:
            body["email"] = party.bill_to.email
    return body


def to_job(project: Project, *, account: Account) -> dict[str, Any]:
    """Project body; `companyName` is the project's name there, `parent` the customer."""
    body: dict[str, Any] = {
        "companyName": project.name,
        "subsidiary": account.reference(account.subsidiaries, project.legal_entity),
        "currency": account.reference(account.currencies, project.currency, entity=project.legal_entity),
        "entityStatus": {"id": account.active_status},
        "jobPrice": number(project.budget),
    }
    if project.customer_ref:
        body["parent"] = {"id": project.customer_ref}
    if project.starts_on:
        body["startDate"] = project.starts_on.isoformat()
    if project.ends_on:
        body["projectedEndDate"] = project.ends_on.isoformat()
    return body


def to_task(task: ProjectTask, *, project_ref: str) -> dict[str, Any]:
    """Project task body; hours are planned work."""
    return {
        "project": {"id": project_ref},
        "title": task.name,
        "estimatedWork": number(task.budget_hours),
        "constraintType": {"id": "ASAP"},
    }


def to_budget(command: SetBudget) -> dict[str, Any]:
    """What our RESTlet takes; REST itself has no project budget."""
    lines = [{"category": line.task_code, "amount": number(line.amount)} for line in command.lines]
    return {
        "action": "set_budget",
        "project": {"id": command.project_ref},
        "externalId": budget_key(command.project_id),
        "currency": command.currency,
        "lines": lines,
    }


def to_charge(milestone: BillingMilestone, command: CreateBillingSchedule, *, account: Account) -> dict[str, Any]:
    """One milestone as a charge that is not to be billed yet."""
    body: dict[str, Any] = {
        "billTo": {"id": command.project_ref},
        "stage": {"id": HELD},
        "use": {"id": "Actual"},
        "amount": number(milestone.amount),
        "billingItem": account.reference(account.items, command.service_line, entity=command.legal_entity),
        "description": f"{milestone.code} {milestone.name}"[:300],
    }
    if milestone.due_on:
        body["chargeDate"] = milestone.due_on.isoformat()
    return body | _own(account, "charge_milestone", milestone.id)


def to_invoice(invoice: Invoice, *, account: Account) -> dict[str, Any]:
    """Invoice body. Days are those of the legal entity; the tax quoted is sent, not worked out there again."""
    body: dict[str, Any] = {
        "externalId": invoice.id,
        "entity": {"id": invoice.project_ref or invoice.customer_ref},
        "subsidiary": account.reference(account.subsidiaries, invoice.legal_entity),
        "currency": account.reference(account.currencies, invoice.currency, entity=invoice.legal_entity),
        "tranDate": invoice.invoice_date.isoformat(),
        "dueDate": _due(invoice.invoice_date, invoice.due_days),
        "memo": invoice.id,
        "item": {"items": [_line(line, account, entity=invoice.legal_entity) for line in invoice.lines]},
        "taxDetailsOverride": True,
        "taxDetails": {"items": [_tax(line, account) for line in invoice.tax_lines]},
    }
    if invoice.po_number:
        body["otherRefNum"] = invoice.po_number
    milestones = sorted({line.milestone_id for line in invoice.lines if line.milestone_id})
    return body | _own(account, "invoice_milestone", ",".join(milestones))


def to_credit(command: CreditInvoice, *, account: Account) -> dict[str, Any]:
    """What the transformation of an invoice into a credit memo is told; lines and application are the invoice's."""
    body = {
        "externalId": command.credit_memo_id,
        "tranDate": command.credit_date.isoformat(),
        "memo": f"{command.invoice_id}: {command.reason}"[:300],
    }
    return body | _own(account, "credit_reference", command.invoice_id)


def number(amount: Decimal) -> int | float:
    """A JSON number that reads back as exactly this amount; raises Rejected for one that a JSON number cannot hold."""
    if amount == amount.to_integral_value():
        return int(amount)
    made = float(amount)
    if Decimal(repr(made)) != amount:
        raise Rejected(
            f"{amount} has more digits than NetSuite's numbers keep.", code="rejected_by_vendor", field="amount"
        )
    return made


def _line(line: InvoiceLine, account: Account, *, entity: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "item": account.reference(account.items, line.service_line, entity=entity),
        "amount": number(line.amount),
        "quantity": number(line.quantity),
        "description": line.description,
    }
    if line.milestone_ref and line.closes_milestone:
        # A charge is billed once, so parts before the last only name the milestone.
        body["charge"] = {"id": line.milestone_ref}
    return body


def _tax(line: TaxLine, account: Account) -> dict[str, Any]:
    return {
        "taxDetailsReference": line.ref,
        "taxCode": {"id": str(account.tax_codes.get(line.code, line.code))},
        "taxBasis": number(line.base),
        "taxRate": number(line.rate_percent),
        "taxAmount": number(line.amount),
    }


def _address(bill_to: BillingContact) -> dict[str, Any]:
    return {
        "defaultBilling": True,
        "addressBookAddress": {
            "addressee": bill_to.name,
            "addr1": bill_to.street,
            "city": bill_to.city,
            "zip": bill_to.zip,
            "country": {"id": bill_to.country},
        },
    }


def _own(account: Account, word: str, value: str) -> dict[str, str]:
    name = account.fields[word]
    return {name: value} if name and value else {}


def _due(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()
