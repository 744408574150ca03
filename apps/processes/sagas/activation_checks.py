"""Activation, first part: what must be true before anything is sent to an ERP, and who has to agree."""

from collections.abc import Mapping
from typing import Any

from apps.canonical.codec import from_json
from apps.canonical.commands import (
    RequestTaxProfile,
)
from apps.canonical.parties import TaxProfile
from apps.contracts.actions.tax import TaxAnswer, confirm_tax_profiles
from apps.contracts.blockers import Blocker
from apps.core.money import Money, round_amount
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.policies import required_role
from apps.governance.states import ApprovalState
from apps.processes.definition import Ctx, End, Outcome, Sending, Wait
from apps.processes.sagas.activation_facts import facts_of
from apps.processes.sagas.shared import parked_by, step_id
from apps.projects.activation import customer_blockers, entity_blockers, template_choice, terms_blockers
from apps.projects.states import ProjectState

APPROVALS = ("billing_method", "activation")


def check_customer(ctx: Ctx) -> Outcome:
    """The customer is known whole: hierarchy without cycle, bill-to, no duplicate."""
    if facts_of(ctx).project.state != ProjectState.REQUESTED:
        return End(f"the project is {facts_of(ctx).project.state} already")
    return parked_by(customer_blockers(facts_of(ctx).checks), ctx=ctx)


def check_entity(ctx: Ctx) -> Outcome:
    """The legal entity exists and may bill in the contract's currency; lines and milestones add up."""
    checks = facts_of(ctx).checks
    return parked_by((*entity_blockers(checks), *terms_blockers(checks)), ctx=ctx)


def ask_tax_engine(ctx: Ctx) -> Sending | None:
    """Ask how this customer is taxed, unless a confirmed profile is in force."""
    facts = facts_of(ctx)
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
    facts = facts_of(ctx)
    profile = from_json(TaxProfile, answer["payload"])
    confirm_tax_profiles(
        ctx.batch.work,
        [TaxAnswer(facts.account.pk, facts.entity.code, facts.project.service_line, profile, facts.entity.tax_engine)],
        by=ctx.by,
        held=facts.shared.held_profiles,
    )
    facts.project.tax_code = profile.code
    return None


def choose_template(ctx: Ctx) -> Outcome:
    """The template of the service line; the project is then validated."""
    facts = facts_of(ctx)
    choice = template_choice(facts.checks)
    if isinstance(choice, Blocker):
        return parked_by([choice], ctx=ctx)
    project = facts.project
    project.template = facts.shared.templates[choice.code]
    project.cost_centre = facts.shared.cost_centres.get((project.legal_entity, project.service_line), "")
    if project.state == ProjectState.REQUESTED:
        ctx.batch.work.move(project, "validate", by=ctx.by, story=ctx.run.correlation_id)
    return None


def request_approvals(ctx: Ctx) -> Outcome:
    """Finance approves the billing method, delivery the activation, in parallel; policies say who, or that nobody has to."""
    facts, project = facts_of(ctx), facts_of(ctx).project
    money = Money(project.budget, project.currency)
    payload = {
        "terms": project.terms_hash,
        "entity": project.legal_entity,
        "budget": str(round_amount(project.budget, project.currency)),
    }
    wanted = []
    for kind in APPROVALS:
        role = required_role(
            facts.shared.policies,
            kind=kind,
            entity=project.legal_entity,
            amount=money.amount,
            currency=money.currency,
        )
        if role:
            wanted.append(
                ApprovalRequest(
                    kind=kind,
                    subject_type="project",
                    subject_id=project.pk,
                    payload=payload,
                    stream_key=ctx.run.stream_key,
                    reference=step_id(ctx),
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
        approval.reference = step_id(ctx)
    if all(approval.state == ApprovalState.GRANTED for approval in asked):
        _approve(ctx, why="nobody has to agree" if not asked else "agreed before")
        return None
    return Wait()


def take_approval(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Go on when everybody has agreed; end when somebody has refused."""
    facts = facts_of(ctx)
    states = [approval.state for approval in facts.approvals if approval.reference == step_id(ctx)]
    if ApprovalState.REFUSED in states:
        ctx.batch.work.move(
            facts.project, "send_back", by=ctx.by, why=str(answer.get("why", "")), story=ctx.run.correlation_id
        )
        return End(f"refused by {answer.get('by', 'an approver')}")
    if not states or any(state != ApprovalState.GRANTED for state in states):
        return Wait()
    _approve(ctx, why="everybody has agreed")
    return None


def _approve(ctx: Ctx, *, why: str) -> None:
    ctx.batch.work.move(facts_of(ctx).project, "approve", by=ctx.by, why=why, story=ctx.run.correlation_id)
