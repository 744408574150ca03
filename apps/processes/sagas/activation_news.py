"""Activation, last part: staffing, documents and the account team hear of it, or that it came to nothing."""

from apps.canonical.commands import (
    Announce,
    UpdateOpportunity,
)
from apps.processes.definition import Ctx, Sending
from apps.processes.sagas.activation_facts import facts_of
from apps.processes.sagas.routing import DOCUMENTS, STAFFING
from apps.projects.states import ProjectState


def announce_staffing(ctx: Ctx) -> Sending:
    """Resource management is asked for people."""
    return _announce(ctx, STAFFING, "project.staffing_requested")


def cancel_staffing(ctx: Ctx) -> Sending:
    """Resource management hears that nobody is needed."""
    return _announce(ctx, STAFFING, "project.staffing_cancelled")


def announce_initiation(ctx: Ctx) -> Sending:
    """Collaboration and documents open their rooms."""
    return _announce(ctx, DOCUMENTS, "project.initiated")


def cancel_initiation(ctx: Ctx) -> Sending:
    """Collaboration and documents close their rooms."""
    return _announce(ctx, DOCUMENTS, "project.cancelled")


def update_crm(ctx: Ctx) -> Sending:
    """The account team sees that the project is active."""
    return _feed_back(ctx, status="active")


def withdraw_from_crm(ctx: Ctx) -> Sending:
    """The account team sees that it is not."""
    return _feed_back(ctx, status="cancelled")


def _announce(ctx: Ctx, system: str, kind: str) -> Sending:
    facts, project = facts_of(ctx), facts_of(ctx).project
    body = {
        "project_id": project.pk,
        "project_ref": facts.project_ref,
        "name": project.name,
        "legal_entity": project.legal_entity,
        "customer": facts.account.name,
        "contract_ref": facts.contract.ref,
        "starts_on": project.starts_on.isoformat() if project.starts_on else None,
        "ends_on": project.ends_on.isoformat() if project.ends_on else None,
        "tasks": [
            {"code": task.code, "name": task.name, "hours": str(task.budget_hours)}
            for task in facts.shared.tasks.get(facts.subject, [])
        ],
    }
    return Sending(system, Announce(type=kind, subject=project.pk, body=body), project.legal_entity)


def _feed_back(ctx: Ctx, *, status: str) -> Sending:
    facts = facts_of(ctx)
    active = [
        row.pk
        for row in facts.shared.siblings[facts.contract.pk]
        if row.state in (ProjectState.ACTIVE, ProjectState.ON_HOLD) or row.pk == facts.subject
    ]
    command = UpdateOpportunity(
        ref=facts.contract.ref,
        project_id=", ".join(active),
        project_status=status,
        currency=facts.contract.currency,
    )
    return Sending(facts.contract.source_system, command, facts.project.legal_entity)
