"""Tryton's field names for parties and projects, and our words, both ways. Pure: no HTTP, no clock."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from stdnum.eu import vat

from apps.canonical.billing import BillingMilestone
from apps.canonical.commands import CreateBillingSchedule, CreateProject, UpsertCustomer
from apps.canonical.parties import BillingContact
from apps.canonical.projects import BudgetLine, ProjectTask
from apps.connectors.tryton.ids import Ids
from apps.core.errors import Rejected

Record = dict[str, Any]

PARTY, ADDRESS, CONTACT, IDENTIFIER = "party.party", "party.address", "party.contact_mechanism", "party.identifier"
WORK = "project.work"
MOST_TASKS = 2000

PARTY_FIELDS = (
    "name", "code", "customer_payment_term", "_timestamp", "addresses.party_name", "addresses.street", "addresses.city",
    "addresses.postal_code", "addresses.country", "addresses.invoice", "contact_mechanisms.type",
    "contact_mechanisms.value", "identifiers.type", "identifiers.code",
)  # fmt: skip
WORK_FIELDS = (
    "name", "number", "comment", "status", "list_price", "effort_duration", "type", "parent", "_timestamp",
    "invoiced_progress.progress",
)  # fmt: skip
# project.work has no column for a foreign key, and its number is its own. The key opens the comment, in brackets so
# that no key is the beginning of another.
_KEY = re.compile(r"\[([^\]\n]+)\]")


def ref_of(value: str, *, field: str) -> int:
    """Tryton's id as a number; raises Rejected(crosswalk_missing) for what is none."""
    if not (value.isascii() and value.isdigit()):
        raise Rejected(
            f"{value!r} is no Tryton id. Replay the step that creates the object.",
            code="crosswalk_missing",
            field=field,
        )
    return int(value)


def version_of(record: Mapping[str, Any]) -> str:
    """Tryton's stamp of the last change, to be given back when changing it."""
    return str(record.get("_timestamp") or "")


# Parties


def party_by_key(customer_id: str) -> list[Any]:
    """The domain that finds a customer; the code is unique in Tryton."""
    return [["code", "=", customer_id]]


def to_party(command: UpsertCustomer, *, ids: Ids) -> Record:
    """The customer itself, without address and contacts."""
    days = str(command.account.payment_terms_days)
    return {
        "name": command.account.name,
        "code": command.customer_id,
        "customer_payment_term": ids.mapped("payment_term", days, field="account.payment_terms_days"),
    }


def to_new_party(command: UpsertCustomer, *, ids: Ids) -> Record:
    """The customer with all that hangs on it, created in one transaction."""
    account, nested = command.account, {}
    if account.bill_to:
        nested["addresses"] = [["create", [to_address(account.bill_to, ids=ids)]]]
    if account.bill_to and account.bill_to.email:
        nested["contact_mechanisms"] = [["create", [to_email(account.bill_to.email)]]]
    if account.tax_id:
        nested["identifiers"] = [["create", [to_identifier(account.tax_id)]]]
    return to_party(command, ids=ids) | nested


def to_address(contact: BillingContact, *, ids: Ids) -> Record:
    """Where invoices go."""
    return {
        "party_name": contact.name,
        "street": contact.street,
        "city": contact.city,
        "postal_code": contact.zip,
        "country": ids.mapped("country", contact.country, field="account.bill_to.country"),
        "invoice": True,
    }


def to_email(value: str) -> Record:
    """A contact mechanism."""
    return {"type": "email", "value": value}


def to_identifier(tax_id: str) -> Record:
    """A tax number; a well-formed VAT id of the Union is marked as one, for that is printed on the invoice."""
    return {"type": "eu_vat" if vat.is_valid(tax_id) else None, "code": tax_id}


def changed(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> Record:
    """What of `wanted` the record does not show yet."""
    return {name: value for name, value in wanted.items() if _shown(record.get(name)) != _shown(value)}


def first(record: Mapping[str, Any], many: str) -> Record | None:
    """The first of a record's own records."""
    return next((one for one in record.get(many) or () if isinstance(one, dict)), None)


def emails(record: Mapping[str, Any]) -> list[Record]:
    """The contact mechanisms that are e-mail addresses."""
    return [one for one in record.get("contact_mechanisms") or () if one.get("type") == "email"]


# Projects, tasks, milestones


def keyed(key: str, *lines: str) -> str:
    """A comment that begins with a key."""
    return "\n".join((f"[{key}]", *filter(None, lines)))


def key_of(record: Mapping[str, Any]) -> str:
    """The key in a comment, empty when it has none."""
    found = _KEY.match(str(record.get("comment") or ""))
    return found.group(1) if found else ""


def work_by_key(key: str, *, kind: str) -> list[Any]:
    """The domain that finds a project or task by its key."""
    escaped = re.sub(r"([\\%_])", r"\\\1", key)
    return [["type", "=", kind], ["comment", "like", f"[{escaped}]%"]]


def tasks_below(project: int) -> list[Any]:
    """The domain of a project's tasks and milestones."""
    return [["parent", "=", project], ["type", "=", "task"]]


def task_key(code: str) -> str:
    """The key of a task within its project."""
    return f"TASK {code}"


def to_project(command: CreateProject, *, ids: Ids) -> Record:
    """The project shell, billed by the progress of its milestones; the budget is kept as a note."""
    project = command.project
    return {
        "type": "project",
        "name": project.name,
        "company": ids.company,
        "party": ref_of(project.customer_ref, field="project.customer_ref"),
        "product": ids.mapped("product", project.service_line, field="project.service_line"),
        "project_invoice_method": "progress",
        "status": ids.fixed("project_status", "open"),
        "comment": keyed(
            project.id,
            f"Budget {project.budget} {project.currency}",
            f"Cost centre {project.cost_centre}" if project.cost_centre else "",
            f"Tax {project.tax_code}" if project.tax_code else "",
            f"From {project.starts_on}" if project.starts_on else "",
            f"To {project.ends_on}" if project.ends_on else "",
        ),
    }


def to_task(task: ProjectTask, *, project: int, ids: Ids) -> Record:
    """A task with its effort."""
    return {
        "type": "task",
        "parent": project,
        "company": ids.company,
        "name": task.name,
        "effort_duration": timedelta(seconds=int(task.budget_hours * 3600)),
        "comment": keyed(task_key(task.code)),
        "status": ids.fixed("project_status", "open"),
    }


def to_budget_note(line: BudgetLine, *, currency: str) -> Record:
    """Tryton has no budgets; a list price on the task would be billed, so the amount is kept as a note."""
    return {"comment": keyed(task_key(line.task_code), f"Budget {line.amount} {currency}")}


def to_milestone(milestone: BillingMilestone, *, command: CreateBillingSchedule, ids: Ids) -> Record:
    """A task that is billed: its price is the milestone's amount."""
    return {
        "type": "task",
        "parent": ref_of(command.project_ref, field="project_ref"),
        "company": ids.company,
        "name": f"{milestone.code} {milestone.name}",
        "product": ids.fixed("product", "MILESTONE"),
        "list_price": milestone.amount,
        "comment": keyed(milestone.id, f"Due {milestone.due_on}" if milestone.due_on else ""),
        "status": ids.fixed("project_status", "open"),
    }


def to_cancelled(*, ids: Ids) -> Record:
    """A project or task nobody works on any more."""
    return {"status": ids.fixed("project_status", "cancelled")}


def to_cancelled_milestone(*, ids: Ids) -> Record:
    """A milestone that can no longer be billed: without a price there is nothing to bill."""
    return to_cancelled(ids=ids) | {"list_price": Decimal(0)}


def is_cancelled(record: Mapping[str, Any], *, ids: Ids) -> bool:
    """Whether a project or task has our status for cancelled."""
    return _shown(record.get("status")) == ids.fixed("project_status", "cancelled")


def differences(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> Record:
    """What of a task or milestone is to be written. A note kept below the key, such as its budget, is left alone;
    so is the price of a milestone of which something is billed."""
    left = {"parent", "company", "type", "product"}
    if str(record.get("comment") or "").startswith(str(wanted.get("comment"))):
        left.add("comment")
    if billed_share(record):
        left.add("list_price")
    return changed(record, {name: value for name, value in wanted.items() if name not in left})


def billed_share(record: Mapping[str, Any]) -> Decimal:
    """How much of a milestone invoices have billed, 0 to 1."""
    rows: Iterable[Any] = record.get("invoiced_progress") or ()
    return sum((Decimal(str(row.get("progress") or 0)) for row in rows if isinstance(row, dict)), Decimal(0))


def _shown(value: Any) -> Any:
    """A value as it compares: a linked record by its id, nothing and empty text alike."""
    if isinstance(value, Mapping):
        return value.get("id")
    return None if value == "" else value
