"""Activation, second part: customer, project, tasks, budget, schedule and revenue in the ERP, and their undoing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.billing.actions.milestones import plan_milestones
from apps.billing.actions.revenue import plan_revenue
from apps.billing.models import BillingMilestone as MilestoneRow
from apps.canonical.billing import BillingMilestone, RevenueLine
from apps.canonical.commands import (
    CancelBillingSchedule,
    CancelProject,
    CreateBillingSchedule,
    CreateProject,
    SetBudget,
    SetRevenueSchedule,
    UpsertCustomer,
    UpsertTasks,
)
from apps.canonical.parties import Account, BillingContact
from apps.canonical.projects import BudgetLine, Project, ProjectTask
from apps.core import clock
from apps.governance.crosswalk import Link, external_ids
from apps.processes.definition import Ctx, Outcome, Park, Sending
from apps.processes.sagas.activation_facts import facts_of
from apps.processes.sagas.shared import capabilities_of
from apps.projects.actions.requests import activate_project, cancel_project
from apps.projects.actions.tasks import plan_tasks
from apps.projects.states import ProjectState


def upsert_customer(ctx: Ctx) -> Sending:
    """The customer, as this entity's ERP is to know it."""
    facts = facts_of(ctx)
    account = facts.account
    command = UpsertCustomer(
        customer_id=facts.customer_key,
        legal_entity=facts.entity.code,
        currency=facts.project.currency,
        account=Account(
            ref=account.ref,
            name=account.name,
            tax_id=account.tax_id,
            country=account.country,
            parent_ref=account.parent_ref,
            bill_to=BillingContact.model_validate(account.bill_to) if account.bill_to else None,
            payment_terms_days=account.payment_terms_days,
        ),
        tax_code=facts.project.tax_code,
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_customer(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Remember the ERP's customer."""
    facts = facts_of(ctx)
    return _remember(ctx, facts.account.pk, f"customer:{facts.entity.code}", str(answer.get("ref", "")))


def create_project(ctx: Ctx) -> Sending:
    """The project shell: entity, currency, tax, cost centre."""
    facts, project = facts_of(ctx), facts_of(ctx).project
    command = CreateProject(
        project=Project(
            id=project.pk,
            name=project.name,
            legal_entity=project.legal_entity,
            currency=project.currency,
            customer_id=facts.customer_key,
            customer_ref=facts.customer_ref,
            service_line=project.service_line,
            cost_centre=project.cost_centre,
            tax_code=project.tax_code,
            starts_on=project.starts_on,
            ends_on=project.ends_on,
            budget=project.budget,
        )
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_project(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Remember the ERP's project."""
    return _remember(ctx, facts_of(ctx).subject, "project", str(answer.get("ref", "")))


def undo_project(ctx: Ctx) -> Sending | None:
    """Cancel the shell."""
    facts = facts_of(ctx)
    if not facts.project_ref:
        return None
    command = CancelProject(project_id=facts.subject, project_ref=facts.project_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def plan_own_tasks(ctx: Ctx) -> Outcome:
    """Make the tasks from the template."""
    facts = facts_of(ctx)
    template = facts.shared.templates[facts.project.template_id or ""]
    if facts.subject not in facts.shared.tasks:
        planned = plan_tasks(ctx.batch.work, [(facts.project, template)], by=ctx.by, held=facts.shared.held_tasks)
        facts.shared.tasks.update(planned)
    return None


def create_tasks(ctx: Ctx) -> Sending:
    """The tasks, in the ERP."""
    facts = facts_of(ctx)
    tasks = tuple(
        ProjectTask(code=task.code, name=task.name, budget_hours=task.budget_hours)
        for task in facts.shared.tasks[facts.subject]
    )
    command = UpsertTasks(
        project_id=facts.subject, project_ref=facts.project_ref, legal_entity=facts.entity.code, tasks=tasks
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_tasks(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Remember the ERP's tasks."""
    facts = facts_of(ctx)
    refs = answer.get("payload", {}).get("tasks", {})
    for task in facts.shared.tasks[facts.subject]:
        _remember(ctx, task.pk, "task", str(refs.get(task.code, "")))
    return None


def set_budget(ctx: Ctx) -> Sending | None:
    """The baseline budget; kept here alone when the ERP takes none."""
    facts = facts_of(ctx)
    if not capabilities_of(facts.entity.erp).budget:
        return None
    lines = tuple(BudgetLine(task_code=task.code, amount=task.budget) for task in facts.shared.tasks[facts.subject])
    command = SetBudget(
        project_id=facts.subject,
        project_ref=facts.project_ref,
        legal_entity=facts.entity.code,
        currency=facts.project.currency,
        lines=lines,
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def plan_schedule(ctx: Ctx) -> Outcome:
    """Make the milestones from the contract's lines."""
    facts = facts_of(ctx)
    if facts.subject not in facts.shared.milestones:
        planned = plan_milestones(
            ctx.batch.work, [(facts.project, facts.lines)], by=ctx.by, held=facts.shared.held_milestones
        )
        facts.shared.milestones.update(planned)
    return None


def create_schedule(ctx: Ctx) -> Sending | None:
    """The billing schedule, in the ERP."""
    facts = facts_of(ctx)
    milestones = tuple(
        BillingMilestone(id=row.pk, code=row.code, name=row.name, amount=row.amount, due_on=row.due_on)
        for row in facts.shared.milestones.get(facts.subject, [])
    )
    if not milestones:
        return None
    command = CreateBillingSchedule(
        project_id=facts.subject,
        project_ref=facts.project_ref,
        customer_ref=facts.customer_ref,
        legal_entity=facts.entity.code,
        currency=facts.project.currency,
        service_line=facts.project.service_line,
        milestones=milestones,
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_schedule(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Remember the ERP's schedule lines."""
    for milestone_id, ref in answer.get("payload", {}).get("milestones", {}).items():
        _remember(ctx, milestone_id, "milestone", str(ref))
    return None


def undo_schedule(ctx: Ctx) -> Sending | None:
    """No milestone of it may be billed any more."""
    facts = facts_of(ctx)
    ours = [row.pk for row in facts.shared.milestones.get(facts.subject, [])]
    known = external_ids(ours, system=facts.entity.erp, kind="milestone")
    refs = {canonical_id: row.external_id for (canonical_id, _), row in known.items()}
    if not refs:
        return None
    command = CancelBillingSchedule(
        project_id=facts.subject, project_ref=facts.project_ref, legal_entity=facts.entity.code, milestones=refs
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def schedule_undone(ctx: Ctx, answer: Mapping[str, Any]) -> None:
    """Our milestones are cancelled with it."""
    facts = facts_of(ctx)
    rows = ctx.batch.work.lock(MilestoneRow, [row.pk for row in facts.shared.milestones.get(facts.subject, [])])
    for row in rows.values():
        if row.state in ("planned", "achieved"):
            ctx.batch.work.move(row, "cancel", by=ctx.by, story=ctx.run.correlation_id)


def plan_own_revenue(ctx: Ctx) -> Outcome:
    """Plan revenue on the milestones."""
    facts = facts_of(ctx)
    milestones = facts.shared.milestones.get(facts.subject, [])
    held = facts.shared.held_revenue
    plan = plan_revenue(ctx.batch.work, [(facts.project, milestones)], by=ctx.by, held=held)[facts.subject]
    months: dict[str, Decimal] = {}
    for line in plan.lines:
        months[line.period.isoformat()] = months.get(line.period.isoformat(), Decimal(0)) + line.planned
    ctx.run.notes = {**ctx.run.notes, "revenue": {month: str(amount) for month, amount in months.items()}}
    return None


def tell_revenue(ctx: Ctx) -> Sending | None:
    """The plan, to an ERP that takes one."""
    facts = facts_of(ctx)
    if capabilities_of(facts.entity.erp).revenue != "write":
        return None
    lines = tuple(
        RevenueLine.model_validate({"period": month, "amount": amount})
        for month, amount in ctx.notes["revenue"].items()
    )
    command = SetRevenueSchedule(
        project_id=facts.subject,
        project_ref=facts.project_ref,
        legal_entity=facts.entity.code,
        currency=facts.project.currency,
        lines=lines,
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def activate(ctx: Ctx) -> Outcome:
    """The ERP holds all of it: the project is active, and with the first of them the contract."""
    facts = facts_of(ctx)
    contract = facts.shared.held_contracts[facts.project.contract_id]
    activate_project(ctx.batch.work, facts.project, contract, by=ctx.by, at=clock.now())
    return None


def give_up(ctx: Ctx) -> None:
    """Everything is undone: the project is cancelled, or, when it was active already, closed."""
    facts = facts_of(ctx)
    project = facts.project
    if project.state == ProjectState.ACTIVE:
        ctx.batch.work.move(project, "start_closing", by=ctx.by, why="undone", story=ctx.run.correlation_id)
        ctx.batch.work.move(project, "close", by=ctx.by, why="undone", story=ctx.run.correlation_id)
    elif project.state not in (ProjectState.CANCELLED, ProjectState.CLOSED):
        cancel_project(ctx.batch.work, project, by=ctx.by, why=str(ctx.notes.get("compensating_because", "")))


def _remember(ctx: Ctx, canonical_id: str, kind: str, ref: str) -> Outcome:
    facts = facts_of(ctx)
    if not ref:
        return Park(
            "crosswalk_missing", f"{facts.entity.erp} did not say under which id it keeps {canonical_id}.", code=kind
        )
    ctx.batch.link(Link(canonical_id, facts.entity.erp, kind, ref, correlation_id=ctx.run.correlation_id))
    facts.shared.links[canonical_id, facts.entity.erp, kind] = ref
    return None
