"""One story from end to end against the running system: every stop with its ids, proved by the ERP and the CRM themselves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.audit.models import AuditLine
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState
from apps.canonical.commands import ReadInvoice
from apps.connectors import registry
from apps.connectors.base import Call, Done
from apps.connectors.models import ConnectedSystem
from apps.connectors.secrets import secret
from apps.contracts.models import Contract, LegalEntity
from apps.core import clock
from apps.core.errors import TieoutError
from apps.core.ids import idempotency_key, new_id
from apps.events import delivery
from apps.events.models import InboxEvent, OutboxCommand
from apps.governance.crosswalk import external_ids
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.demo import deals
from apps.processes.demo.outside import Outside
from apps.processes.demo.watching import agree, timed, wait_for
from apps.processes.models import ProcessRun
from apps.processes.states import RunState
from apps.projects.models import Project
from apps.projects.states import ProjectState

APPROVERS = {
    "finance_controller": "controller",
    "finance_ops": "finance",
    "delivery_manager": "delivery",
    "admin": "admin",
}
CUSTOMER = {"DE-01": "helios", "US-01": "nimbus", "UK-01": "thames"}
CRM_PROPERTIES = ("erp_project_status", "erp_last_invoice_number", "erp_last_invoice_status", "erp_invoiced_amount")


class NotProven(TieoutError):
    """The ERP or the CRM does not show what Tieout says."""


def walk(entity_code: str, *, outside: Outside, say: Callable[[str], None], timeout_s: float = 90) -> None:
    """Win a deal, activate, bill its first milestone, and ask ERP and CRM what they hold.

    Raises StoryStuck when something does not come, NotProven when a system shows something else.
    """
    entity = LegalEntity.objects.get(pk=entity_code)
    with timed(say, "1 opportunity won") as words:
        ref = outside.win(_deal(entity))
        words += [f"deal {ref}", entity.code, entity.currency]
    with timed(say, "2-3 stored once, 202") as words:
        event = wait_for(
            "the webhook", lambda: InboxEvent.objects.filter(system="hubspot", stream_key__endswith=f":{ref}").first()
        )
        words += [f"EVT-{event.pk}", event.stream_key]
    with timed(say, "4-5 contract approved") as words:
        contract = wait_for(
            "the contract",
            lambda: Contract.objects.filter(ref=ref).first(),
            timeout_s=timeout_s,
            story=event.correlation_id,
        )
        story = contract.correlation_id
        words += [contract.pk, contract.state, f"story {story}"]
    with timed(say, "6 saga started") as words:
        project = wait_for("the project", lambda: Project.objects.filter(contract=contract).first(), story=story)
        run = wait_for("the run", lambda: ProcessRun.objects.filter(subject_id=project.pk).first(), story=story)
        words += [project.pk, run.pk, run.saga]
    with timed(say, "12 people agree") as words:
        wait_for("approvals or none", lambda: _approved(story, project), timeout_s=timeout_s, story=story)
        words += [f"{one.kind} by {one.decided_by}" for one in agree(story=story, by=APPROVERS)]
    with timed(say, "7-10 project active") as words:
        wait_for("activation", lambda: _is_done(run), timeout_s=timeout_s, story=story)
        project.refresh_from_db()
        words += [project.state, *_refs(project.pk, entity.erp)]
    milestone = BillingMilestone.objects.filter(project=project).order_by("due_on", "code")[0]
    with timed(say, "milestone achieved") as words:
        said = outside.achieve(
            project_id=project.pk,
            milestone_code=milestone.code,
            achieved_on=clock.today(entity.zone).isoformat(),
            evidence="Acceptance protocol signed",
        )
        words += [
            milestone.pk,
            milestone.code,
            f"{milestone.currency} {milestone.amount.normalize():f}",
            f"CloudEvent {said}",
        ]
    with timed(say, "invoice posted") as words:
        invoice = wait_for("the invoice", lambda: _posted(milestone, story), timeout_s=timeout_s, story=story)
        words += [
            invoice.pk,
            invoice.number,
            f"{invoice.currency} {invoice.total.normalize():f}",
            *_refs(invoice.pk, entity.erp),
        ]
    with timed(say, "10 fed back to the CRM") as words:
        wait_for(
            "the news in the CRM",
            lambda: Invoice.objects.filter(pk=invoice.pk, told_crm_at__isnull=False).first(),
            story=story,
        )
        words += [
            f"{OutboxCommand.objects.filter(correlation_id=story).count()} commands",
            f"{AuditLine.objects.filter(correlation_id=story).count()} audit lines",
        ]
    with timed(say, "the ERP itself shows") as words:
        words.extend(_erp_shows(invoice, entity))
    with timed(say, "the CRM itself shows") as words:
        words.extend(_crm_shows(invoice, contract, outside))


def _deal(entity: LegalEntity) -> dict[str, Any]:
    today = clock.today(entity.zone)
    number = new_id("W").removeprefix("W-")[:6]
    company = deals.COMPANIES[CUSTOMER[entity.code]]
    # A customer of its own per walk: the same name and tax id a second time would rightly be held as a duplicate.
    company = {**company, "name": f"{company['name']} {number}", "domain": f"{number.lower()}.example", "tax_id": ""}
    lines = deals.line(
        entity.code,
        "IMPLEMENTATION",
        [("M1", "Design signed off", "12500.00"), ("M2", "Go-live", "27500.50")],
        first_due=today + timedelta(days=7),
    )
    return deals.deal(f"Walk {number}", company=company, currency=entity.currency, lines=lines, starts_on=today)


def _approved(story: str, project: Project) -> bool:
    project.refresh_from_db()
    waiting = Approval.objects.filter(correlation_id=story, state=ApprovalState.REQUESTED).exists()
    return waiting or project.state in (ProjectState.PROVISIONING, ProjectState.ACTIVE)


def _is_done(run: ProcessRun) -> bool:
    run.refresh_from_db()
    return run.state == RunState.DONE


def _posted(milestone: BillingMilestone, story: str) -> Invoice | None:
    agree(story=story, by=APPROVERS)
    return Invoice.objects.filter(milestone=milestone, state=InvoiceState.POSTED).exclude(number="").first()


def _refs(canonical_id: str, system: str) -> list[str]:
    return [
        f"{system} {kind} {row.external_id}" for (_, kind), row in external_ids([canonical_id], system=system).items()
    ]


def _erp_shows(invoice: Invoice, entity: LegalEntity) -> list[str]:
    ref = external_ids([invoice.pk], system=entity.erp, kind="invoice")[invoice.pk, "invoice"].external_id
    command = ReadInvoice(invoice_id=invoice.pk, invoice_ref=ref, legal_entity=entity.code)
    call = Call(command, idempotency_key=idempotency_key("walk", invoice.pk), legal_entity=entity.code, deadline_s=30)
    answer = delivery.run(registry.connector_for(entity.erp).execute(call))
    shown = answer.payload if isinstance(answer, Done) else {}
    if shown.get("state") != "posted" or shown.get("number") != invoice.number or str(invoice.total) == "0":
        raise NotProven(f"{entity.erp} shows invoice {ref} as {shown}, we hold {invoice.number} {invoice.state}")
    return [
        entity.erp,
        f"invoice {shown['number']}",
        shown["state"],
        f"total {shown['total']}",
        f"open {shown['open_balance']}",
    ]


def _crm_shows(invoice: Invoice, contract: Contract, outside: Outside) -> list[str]:
    token = str(secret(ConnectedSystem.objects.get(pk=contract.source_system))["token"])
    shown = outside.deal(contract.ref, token=token, properties=CRM_PROPERTIES)
    if shown.get("erp_last_invoice_number") != invoice.number or shown.get("erp_last_invoice_status") != invoice.state:
        raise NotProven(f"{contract.source_system} shows {shown}, we hold {invoice.number} {invoice.state}")
    return [f"{name} {value}" for name, value in shown.items() if name in CRM_PROPERTIES and value]
