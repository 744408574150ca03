"""Project activation: an approved contract becomes an active project of one legal entity, and the CRM hears of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.billing.actions.milestones import plan_milestones
from apps.billing.actions.revenue import plan_revenue
from apps.billing.models import BillingMilestone as MilestoneRow
from apps.canonical.billing import BillingMilestone, RevenueLine
from apps.canonical.codec import from_json
from apps.canonical.commands import (
    Announce,
    CancelBillingSchedule,
    CancelProject,
    CreateBillingSchedule,
    CreateProject,
    RequestTaxProfile,
    SetBudget,
    SetRevenueSchedule,
    UpdateOpportunity,
    UpsertCustomer,
    UpsertTasks,
)
from apps.canonical.parties import Account, BillingContact, TaxProfile
from apps.canonical.projects import BudgetLine, Project, ProjectTask
from apps.contracts.actions.tax import TaxAnswer, confirm_tax_profiles
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.ids import new_id
from apps.core.money import Money
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.crosswalk import Link, external_ids
from apps.governance.policies import policies_now, required_role
from apps.governance.states import ApprovalState
from apps.processes.definition import Ctx, End, Outcome, Park, Saga, Sending, Step, Wait
from apps.processes.sagas.activation_facts import Activation, at_risk, blocked, entity_of, load
from apps.processes.sagas.routing import DOCUMENTS, STAFFING
from apps.processes.sagas.shared import capabilities_of, parked_by
from apps.projects.actions.requests import activate_project, cancel_project
from apps.projects.actions.tasks import plan_tasks
from apps.projects.activation import customer_blockers, entity_blockers, template_choice, terms_blockers
from apps.projects.states import ProjectState

APPROVALS = ("billing_method", "activation")


def check_customer(ctx: Ctx) -> Outcome:
    """The customer is known whole: hierarchy without cycle, bill-to, no duplicate."""
    if _facts(ctx).project.state != ProjectState.REQUESTED:
        return End(f"the project is {_facts(ctx).project.state} already")
    return parked_by(customer_blockers(_facts(ctx).checks))


def check_entity(ctx: Ctx) -> Outcome:
    """The legal entity exists and may bill in the contract's currency; lines and milestones add up."""
    checks = _facts(ctx).checks
    return parked_by((*entity_blockers(checks), *terms_blockers(checks)))


def ask_tax_engine(ctx: Ctx) -> Sending | None:
    """Ask how this customer is taxed, unless a confirmed profile is in force."""
    facts = _facts(ctx)
    if facts.tax_profile_code:
        facts.project.tax_code = facts.tax_profile_code
        return None
    body = {
        "reference": facts.project.pk,
        "legal_entity": facts.entity.code,
        "seller_country": facts.entity.country,
        "buyer_country": facts.account.country,
        "buyer_tax_id": facts.account.tax_id,
        "service_line": facts.project.service_line,
        "currency": facts.project.currency,
        "tax_date": facts.today.isoformat(),
    }
    command = RequestTaxProfile(type="tax.profile.requested", subject=facts.project.pk, body=body)
    return Sending(facts.entity.tax_engine, command, facts.entity.code)


def take_tax_profile(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Keep the profile as confirmed by the engine."""
    facts = _facts(ctx)
    profile = from_json(TaxProfile, answer["payload"])
    confirm_tax_profiles(
        ctx.batch.work,
        [TaxAnswer(facts.account.pk, facts.entity.code, facts.project.service_line, profile, facts.entity.tax_engine)],
        by=ctx.by,
    )
    facts.project.tax_code = profile.code
    return None


def choose_template(ctx: Ctx) -> Outcome:
    """The template of the service line; the project is then validated."""
    facts = _facts(ctx)
    choice = template_choice(facts.checks)
    if not hasattr(choice, "code") or hasattr(choice, "kind"):
        return parked_by([choice])  # type: ignore[list-item]
    project = facts.project
    project.template = facts.shared.templates[choice.code]
    project.cost_centre = facts.shared.cost_centres.get((project.legal_entity, project.service_line), "")
    if project.state == ProjectState.REQUESTED:
        ctx.batch.work.move(project, "validate", by=ctx.by, story=ctx.run.correlation_id)
    return None


def request_approvals(ctx: Ctx) -> Outcome:
    """Finance approves the billing method, delivery the activation, in parallel; policies say who, or that nobody has to."""
    facts, project = _facts(ctx), _facts(ctx).project
    money = Money(project.budget, project.currency)
    payload = {"terms": project.terms_hash, "entity": project.legal_entity, "budget": str(project.budget)}
    wanted = []
    for kind in APPROVALS:
        role = required_role(
            policies_now(), kind=kind, entity=project.legal_entity, amount=money.amount, currency=money.currency
        )
        if role:
            wanted.append(
                ApprovalRequest(
                    kind=kind,
                    subject_type="project",
                    subject_id=project.pk,
                    payload=payload,
                    stream_key=ctx.run.stream_key,
                    reference=_step_id(ctx),
                    role=role,
                    entity=project.legal_entity,
                    amount=money,
                    summary=f"{project.name} for {facts.account.name}",
                    correlation_id=ctx.run.correlation_id,
                )
            )
    if project.state == ProjectState.VALIDATED:
        ctx.batch.work.move(project, "request_approval", by=ctx.by, story=ctx.run.correlation_id)
    asked = approvals.request(ctx.batch.work, wanted, by=ctx.by) if wanted else []
    for approval in asked:
        approval.reference = _step_id(ctx)
    if all(approval.state == ApprovalState.GRANTED for approval in asked):
        _approve(ctx, why="nobody has to agree" if not asked else "agreed before")
        return None
    return Wait()


def take_approval(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Go on when everybody has agreed; end when somebody has refused."""
    facts = _facts(ctx)
    states = [approval.state for approval in facts.approvals if approval.reference == _step_id(ctx)]
    if ApprovalState.REFUSED in states:
        ctx.batch.work.move(
            facts.project, "send_back", by=ctx.by, why=str(answer.get("why", "")), story=ctx.run.correlation_id
        )
        return End(f"refused by {answer.get('by', 'an approver')}")
    if not states or any(state != ApprovalState.GRANTED for state in states):
        return Wait()
    _approve(ctx, why="everybody has agreed")
    return None


def upsert_customer(ctx: Ctx) -> Sending:
    """The customer, as this entity's ERP is to know it."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    return _remember(ctx, facts.account.pk, f"customer:{facts.entity.code}", str(answer.get("ref", "")))


def create_project(ctx: Ctx) -> Sending:
    """The project shell: entity, currency, tax, cost centre."""
    facts, project = _facts(ctx), _facts(ctx).project
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
    return _remember(ctx, _facts(ctx).subject, "project", str(answer.get("ref", "")))


def undo_project(ctx: Ctx) -> Sending | None:
    """Cancel the shell."""
    facts = _facts(ctx)
    if not facts.project_ref:
        return None
    command = CancelProject(project_id=facts.subject, project_ref=facts.project_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def plan_own_tasks(ctx: Ctx) -> Outcome:
    """Make the tasks from the template."""
    facts = _facts(ctx)
    template = facts.shared.templates[facts.project.template_id or ""]
    if facts.subject not in facts.shared.tasks:
        planned = plan_tasks(ctx.batch.work, [(facts.project, template)], by=ctx.by)
        facts.shared.tasks.update(planned)
    return None


def create_tasks(ctx: Ctx) -> Sending:
    """The tasks, in the ERP."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    refs = answer.get("payload", {}).get("tasks", {})
    for task in facts.shared.tasks[facts.subject]:
        _remember(ctx, task.pk, "task", str(refs.get(task.code, "")))
    return None


def set_budget(ctx: Ctx) -> Sending | None:
    """The baseline budget; kept here alone when the ERP takes none."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    if facts.subject not in facts.shared.milestones:
        planned = plan_milestones(ctx.batch.work, [(facts.project, facts.lines)], by=ctx.by)
        facts.shared.milestones.update(planned)
    return None


def create_schedule(ctx: Ctx) -> Sending | None:
    """The billing schedule, in the ERP."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    rows = ctx.batch.work.lock(MilestoneRow, [row.pk for row in facts.shared.milestones.get(facts.subject, [])])
    for row in rows.values():
        if row.state in ("planned", "achieved"):
            ctx.batch.work.move(row, "cancel", by=ctx.by, story=ctx.run.correlation_id)


def plan_own_revenue(ctx: Ctx) -> Outcome:
    """Plan revenue on the milestones."""
    facts = _facts(ctx)
    milestones = facts.shared.milestones.get(facts.subject, [])
    plan = plan_revenue(ctx.batch.work, [(facts.project, milestones)], by=ctx.by)[facts.subject]
    months: dict[str, Decimal] = {}
    for line in plan.lines:
        months[line.period.isoformat()] = months.get(line.period.isoformat(), Decimal(0)) + line.planned
    ctx.run.notes = {**ctx.run.notes, "revenue": {month: str(amount) for month, amount in months.items()}}
    return None


def tell_revenue(ctx: Ctx) -> Sending | None:
    """The plan, to an ERP that takes one."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    contract = ctx.batch.work.lock(Contract, [facts.project.contract_id])[facts.project.contract_id]
    activate_project(ctx.batch.work, facts.project, contract, by=ctx.by, at=clock.now())
    return None


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


def give_up(ctx: Ctx) -> None:
    """Everything is undone: the project is cancelled, or, when it was active already, closed."""
    facts = _facts(ctx)
    project = facts.project
    if project.state == ProjectState.ACTIVE:
        ctx.batch.work.move(project, "start_closing", by=ctx.by, why="undone", story=ctx.run.correlation_id)
        ctx.batch.work.move(project, "close", by=ctx.by, why="undone", story=ctx.run.correlation_id)
    elif project.state not in (ProjectState.CANCELLED, ProjectState.CLOSED):
        cancel_project(ctx.batch.work, project, by=ctx.by, why=str(ctx.notes.get("compensating_because", "")))


PROJECT_ACTIVATION = Saga(
    name="project_activation",
    starts_on="contract.approved",
    subject_type="project",
    load=load,
    at_risk=at_risk,
    entity_of=entity_of,
    blocked=blocked,
    compensated=give_up,
    steps=(
        Step("check_customer", run=check_customer),
        Step("check_entity", run=check_entity),
        Step("tax_profile", send=ask_tax_engine, then=take_tax_profile),
        Step("template", run=choose_template),
        Step("approvals", run=request_approvals, until=("approval.granted", "approval.refused"), then=take_approval, due_within_h=48),
        Step("erp_customer", send=upsert_customer, then=take_customer),
        Step("erp_project", send=create_project, then=take_project, undo=undo_project),
        Step("erp_tasks", run=plan_own_tasks, send=create_tasks, then=take_tasks),
        Step("erp_budget", send=set_budget),
        Step("billing_schedule", run=plan_schedule, send=create_schedule, then=take_schedule, undo=undo_schedule, undone=schedule_undone),
        Step("revenue_schedule", run=plan_own_revenue, send=tell_revenue),
        Step("activate", run=activate),
        Step("staffing", send=announce_staffing, undo=cancel_staffing),
        Step("initiation", send=announce_initiation, undo=cancel_initiation),
        Step("crm_feedback", send=update_crm, undo=withdraw_from_crm),
    ),
)  # fmt: skip
# Up to here nothing was sent to an ERP: a changed contract starts anew.
BEFORE_PROVISIONING = ("check_customer", "check_entity", "tax_profile", "template", "approvals")


def _approve(ctx: Ctx, *, why: str) -> None:
    ctx.batch.work.move(_facts(ctx).project, "approve", by=ctx.by, why=why, story=ctx.run.correlation_id)


def _announce(ctx: Ctx, system: str, kind: str) -> Sending:
    facts, project = _facts(ctx), _facts(ctx).project
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
    facts = _facts(ctx)
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


def _remember(ctx: Ctx, canonical_id: str, kind: str, ref: str) -> Outcome:
    facts = _facts(ctx)
    if not ref:
        return Park(
            "crosswalk_missing", f"{facts.entity.erp} did not say under which id it keeps {canonical_id}.", code=kind
        )
    ctx.batch.link(Link(canonical_id, facts.entity.erp, kind, ref, correlation_id=ctx.run.correlation_id))
    facts.shared.links[canonical_id, facts.entity.erp, kind] = ref
    return None


def _facts(ctx: Ctx) -> Activation:
    return ctx.facts  # type: ignore[no-any-return]


def _step_id(ctx: Ctx) -> str:
    return new_id("STP", ctx.run.pk, ctx.run.step)
