"""What events from outside do to our objects, and which other streams they tell."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.billing.models import BillingMilestone, Invoice
from apps.canonical import events
from apps.canonical.codec import from_json
from apps.canonical.commands import ReadOpportunity
from apps.canonical.contracts import Contract as Terms
from apps.contracts.actions.terms import Applied, Reading, apply_terms
from apps.contracts.models import Contract
from apps.core.actor import system as system_actor
from apps.core.errors import BadInput
from apps.core.ids import idempotency_key
from apps.core.money import Money
from apps.events.inbox import message
from apps.events.models import OutboxCommand
from apps.events.outbox import Order
from apps.events.states import CommandState, EventState
from apps.exceptions.findings import Finding
from apps.governance import crosswalk
from apps.processes import door
from apps.processes.batch import Batch
from apps.processes.consumer import bury, reference_of
from apps.processes.told import Told
from apps.projects.actions.requests import request_projects
from apps.projects.models import Project
from apps.projects.states import ProjectState


def read_opportunity(batch: Batch, told: Sequence[Told]) -> None:
    """A deal changed: ask the CRM for all of it. One question that has not left yet answers for all that wait."""
    keys = [each.event.stream_key for each in told]
    asked = set(
        OutboxCommand.objects.filter(
            ordering_key__in=keys, name=ReadOpportunity.__name__, state=CommandState.PENDING
        ).values_list("ordering_key", flat=True)
    )
    stories = _stories(told)
    for each in told:
        if each.event.stream_key in asked:
            each.event.state = EventState.SUPERSEDED
            continue
        batch.send(
            Order(
                system=each.event.system,
                command=ReadOpportunity(ref=each.subject),
                stream_key=each.event.stream_key,
                idempotency_key=idempotency_key("read", each.event.pk),
                correlation_id=stories.get((each.event.system, each.subject), each.story),
            )
        )


def read_account(batch: Batch, told: Sequence[Told]) -> None:
    """A company changed: its newest deal is asked for, which brings the company along. One query for the set."""
    deals = Contract.objects.filter(
        source_system__in={each.event.system for each in told}, account__ref__in={each.subject for each in told}
    ).order_by("created_at")
    newest = {(row.source_system, row.account.ref): row for row in deals.select_related("account") if row.account}
    for each in told:
        contract = newest.get((each.event.system, each.subject))
        if contract is None:
            each.event.state = EventState.SUPERSEDED
            continue
        batch.send(
            Order(
                system=each.event.system,
                command=ReadOpportunity(ref=contract.ref),
                stream_key=each.event.stream_key,
                idempotency_key=idempotency_key("read", each.event.pk),
                correlation_id=contract.correlation_id,
            )
        )


def apply_opportunity(batch: Batch, told: Sequence[Told]) -> None:
    """The CRM told us all of a deal: write the contract, and tell its projects when it was approved or has changed."""
    readings, sources, kinds = [], [], door.kinds_of(each.event.system for each in told)
    for each in told:
        try:
            terms = from_json(Terms, each.payload["payload"])
        except BadInput as error:
            bury(batch, each.event, kind="payload_unreadable", message=f"{error} {error.mend}", field=error.path)
            continue
        readings.append(
            Reading(each.event.system, kinds.get(each.event.system, ""), terms, each.event.stream_key, each.story)
        )
        sources.append(each)
    if not readings:
        return
    by = system_actor(sources[0].event.system)
    applied = apply_terms(batch.work, readings, by=by)
    requested = request_projects(batch.work, applied, by=by)
    projects = _by_contract([*requested.created, *requested.changed, *requested.settled, *requested.dropped])
    created = {project.pk for project in requested.created}
    for each, one in zip(sources, applied, strict=True):
        batch.settled(each.event.causation_id, why="the opportunity was read")
        _report_breaches(batch, each, one)
        for project in projects.get(one.contract.pk, []):
            name = events.CONTRACT_APPROVED if project.pk in created else events.CONTRACT_CHANGED
            _tell_project(batch, each, one, project, name)
        if one.is_lost:
            _report_lost(batch, each, one)


def achieve_milestone(batch: Batch, told: Sequence[Told]) -> None:
    """The PSA says a milestone is achieved: tell the milestone's own stream. Two queries for the set."""
    told = door.admitted(batch, told, object="milestone", field="achieved_on")
    found = _milestones(told)
    for each in told:
        milestone = found.get(each.event.pk)
        if milestone is None:
            whose = (
                each.payload.get("project_id")
                or f"{each.payload.get('contract_ref')} / {each.payload.get('legal_entity')}"
            )
            bury(
                batch,
                each.event,
                kind="crosswalk_missing",
                message=f"No milestone {each.payload.get('milestone_code')} of {whose} is known here.",
                field="milestone_code",
                code="milestone_unknown",
            )
            continue
        batch.tell(
            message(
                events.MILESTONE_BILLABLE,
                {**each.payload, "subject": milestone.pk},
                stream_key=milestone.pk,
                external_id=f"billable:{each.event.pk}",
                correlation_id=milestone.project.correlation_id,
                causation_id=reference_of(each.event),
            )
        )


def change_invoice(batch: Batch, told: Sequence[Told]) -> None:
    """The ERP says an invoice changed: tell its milestone's stream. Invoices that are not ours are of no interest."""
    ours = _invoices(told)
    strangers = [each for each in told if each.event.pk not in ours]
    known = door.admitted(batch, [each for each in told if each.event.pk in ours], object="invoice", field="state")
    for each in (*strangers, *known):
        invoice = ours.get(each.event.pk)
        if invoice is None:
            each.event.state = EventState.SUPERSEDED
            continue
        batch.tell(
            message(
                events.INVOICE_STATUS_KNOWN,
                {"subject": invoice.pk, "status": dict(each.payload)},
                stream_key=invoice.milestone_id or invoice.pk,
                external_id=f"status:{each.event.pk}",
                correlation_id=invoice.correlation_id,
                causation_id=reference_of(each.event),
            )
        )


def _by_contract(projects: Sequence[Project]) -> dict[str, list[Project]]:
    found: dict[str, list[Project]] = {}
    for project in projects:
        found.setdefault(project.contract_id, []).append(project)
    return found


def _tell_project(batch: Batch, told: Told, applied: Applied, project: Project, name: str) -> None:
    batch.tell(
        message(
            name,
            {
                "subject": project.pk,
                "legal_entity": project.legal_entity,
                "revision": applied.contract.revision,
                "may_restart": project.state == ProjectState.REQUESTED,
                "summary": "; ".join(f"{change.label}: {change.old} → {change.new}" for change in applied.changes[:5]),
                "changes": [
                    {"path": change.path, "label": change.label, "old": str(change.old), "new": str(change.new)}
                    for change in applied.changes[:50]
                ],
            },
            stream_key=project.pk,
            # One reading per revision is enough, however many events had the deal read.
            external_id=f"{name}:{project.pk}:{applied.contract.revision}",
            correlation_id=applied.contract.correlation_id,
            causation_id=reference_of(told.event),
        )
    )


def _report_breaches(batch: Batch, told: Told, applied: Applied) -> None:
    for breach in applied.breaches:
        batch.report(
            Finding(
                kind="not_system_of_record",
                subject_type=breach.object,
                subject_id=breach.subject_id,
                stream_key=told.event.stream_key,
                # Not the event: the same field written again is the same case, seen once more.
                reference=breach.subject_id,
                message=breach.message(system=told.event.system),
                system=told.event.system,
                code="not_system_of_record",
                field=breach.breach.field,
                awaiting="values agree",
                amount=Money(applied.contract.value, applied.contract.currency),
                evidence={
                    "source": {breach.breach.field: str(breach.breach.new)},
                    "canonical": {breach.breach.field: str(breach.breach.old)},
                },
                correlation_id=applied.contract.correlation_id,
            )
        )


def _report_lost(batch: Batch, told: Told, applied: Applied) -> None:
    batch.report(
        Finding(
            kind="concurrent_change",
            subject_type="contract",
            subject_id=applied.contract.pk,
            stream_key=told.event.stream_key,
            reference=reference_of(told.event),
            message=f"{applied.contract.name} was won and is not any more in {told.event.system}; nothing was undone here.",
            system=told.event.system,
            code="opportunity_not_won",
            awaiting="opportunity won again, or the project cancelled",
            amount=Money(applied.contract.value, applied.contract.currency),
            correlation_id=applied.contract.correlation_id,
        )
    )


def _stories(told: Sequence[Told]) -> dict[tuple[str, str], str]:
    """The story of each deal that has a contract already: what happens to it later belongs to the same one."""
    rows = Contract.objects.filter(
        source_system__in={each.event.system for each in told}, ref__in={each.subject for each in told}
    )
    return {(system, ref): story for system, ref, story in rows.values_list("source_system", "ref", "correlation_id")}


def _milestones(told: Sequence[Told]) -> dict[int, BillingMilestone]:
    codes = {str(each.payload.get("milestone_code")) for each in told}
    projects = {str(each.payload.get("project_id")) for each in told} - {"", "None"}
    refs = {str(each.payload.get("contract_ref")) for each in told} - {"", "None"}
    rows = BillingMilestone.objects.filter(code__in=codes).select_related("project", "contract")
    by_project = {(row.project_id, row.code): row for row in rows.filter(project_id__in=projects)} if projects else {}
    by_contract = (
        {(row.contract.ref, row.legal_entity, row.code): row for row in rows.filter(contract__ref__in=refs)}
        if refs
        else {}
    )
    found: dict[int, BillingMilestone] = {}
    for each in told:
        said: Mapping[str, Any] = each.payload
        code = _word(said, "milestone_code")
        row = by_project.get((_word(said, "project_id"), code)) or by_contract.get(
            (_word(said, "contract_ref"), _word(said, "legal_entity"), code)
        )
        if row is not None:
            found[each.event.pk] = row
    return found


def _word(said: Mapping[str, Any], name: str) -> str:
    """The text under `name`; anything else an outsider may have put there names nothing we know."""
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _invoices(told: Sequence[Told]) -> dict[int, Invoice]:
    """By event: the invoice whose id the ERP keeps as key, else the one its record is linked to."""
    linked: dict[tuple[str, str], str] = {}
    for system in {each.event.system for each in told}:
        refs = [str(each.payload.get("ref")) for each in told if each.event.system == system]
        for ref, pk in crosswalk.canonical_ids(system=system, kind="invoice", external_ids=refs).items():
            linked[system, ref] = pk
    wanted = {
        each.event.pk: linked.get((each.event.system, str(each.payload.get("ref")))) or str(each.payload.get("key"))
        for each in told
    }
    rows = Invoice.objects.in_bulk(list(set(wanted.values())))
    return {event: rows[pk] for event, pk in wanted.items() if pk in rows}
