"""What activation would create, computed from the same rules that create it. Nothing is written, nothing is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from apps.billing.schedules import DueMilestone, on_milestone
from apps.contracts.blockers import Blocker
from apps.core import clock
from apps.core.money import split_amount
from apps.processes.sagas.routing import DOCUMENTS, STAFFING
from apps.projects.activation import (
    ActivationFacts,
    customer_blockers,
    entity_blockers,
    tax_blockers,
    template_choice,
    terms_blockers,
)
from apps.projects.models import Project, ProjectTemplate


@dataclass(frozen=True, slots=True)
class Check:
    """One check before activation: what was found, or what blocks."""

    title: str
    found: str
    blockers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task as the template makes it."""

    code: str
    name: str
    hours: Decimal
    budget: Decimal


@dataclass(frozen=True, slots=True)
class PlannedMilestone:
    """A line of the billing schedule."""

    code: str
    name: str
    service_line: str
    amount: Decimal
    due_on: date | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """All that would be created for one project. `gap` is what the schedule lacks of the entity's contract lines."""

    entity: str
    erp: str
    customer_ref: str
    currency: str
    budget: Decimal
    tasks: tuple[PlannedTask, ...]
    milestones: tuple[PlannedMilestone, ...]
    schedule_total: Decimal
    lines_total: Decimal
    revenue: tuple[tuple[date, Decimal], ...]
    messages: tuple[tuple[str, str], ...]

    @property
    def gap(self) -> Decimal:
        """Zero when the schedule bills exactly what was sold."""
        return self.lines_total - self.schedule_total


def checks(facts: ActivationFacts) -> list[Check]:
    """The checks of activation, each with its answer."""
    customer = facts.customer
    choice = template_choice(facts)
    template = (choice,) if isinstance(choice, Blocker) else ()
    here = f"{facts.legal_entity}, {facts.service_line}"
    return [
        _check(
            "Customer and hierarchy", f"{customer.name} ({customer.ref})" if customer else "", customer_blockers(facts)
        ),
        _check("Legal entity and currency", _bills_in(facts), entity_blockers(facts)),
        _check("Tax profile", f"Confirmed for {here}", tax_blockers(facts)),
        _check("Everything adds up", "Milestones equal their lines, lines equal the contract", terms_blockers(facts)),
        _check("Project template", "" if isinstance(choice, Blocker) else choice.code, template),
    ]


def dry_run(
    project: Project, facts: ActivationFacts, *, templates: Mapping[str, ProjectTemplate], customer_ref: str
) -> DryRun:
    """What activating `project` would create. `customer_ref`: the ERP's id of the customer, empty when it is new there."""
    choice = template_choice(facts)
    template = None if isinstance(choice, Blocker) else templates.get(choice.code)
    milestones = tuple(
        PlannedMilestone(term.code, term.name, line.service_line, term.amount, term.due_on)
        for line in facts.lines
        for term in line.milestones
    )
    crm = project.contract.source_system
    return DryRun(
        entity=project.legal_entity,
        erp=facts.entity.erp if facts.entity else "",
        customer_ref=customer_ref,
        currency=project.currency,
        budget=project.budget,
        tasks=_tasks(project, template) if template else (),
        milestones=milestones,
        schedule_total=sum((one.amount for one in milestones), Decimal(0)),
        lines_total=facts.amount.amount,
        revenue=_revenue(project, milestones),
        messages=(
            (STAFFING, "Staffing is asked for people"),
            (DOCUMENTS, "Documents opens the project's room"),
            (crm, f"{project.contract.ref} gets the project's id and state"),
        ),
    )


def _check(title: str, found: str, blockers: tuple[Blocker, ...]) -> Check:
    return Check(title, found, tuple(blocker.message for blocker in blockers))


def _bills_in(facts: ActivationFacts) -> str:
    entity = facts.entity
    return f"{entity.code} bills in {', '.join(entity.bills_in)}" if entity else ""


def _tasks(project: Project, template: ProjectTemplate) -> tuple[PlannedTask, ...]:
    """As `projects.actions.tasks` makes them: budgets by share, hours at the blended rate."""
    budgets = split_amount(
        project.budget, [Decimal(str(shape["budget_share"])) for shape in template.tasks], project.currency
    )
    hours = project.budget / template.blended_rate
    return tuple(
        PlannedTask(
            shape["code"],
            shape["name"],
            (hours * Decimal(str(shape.get("hours_share", shape["budget_share"])))).quantize(
                Decimal("0.01"), rounding=ROUND_HALF_EVEN
            ),
            budget,
        )
        for shape, budget in zip(template.tasks, budgets, strict=True)
    )


def _revenue(project: Project, milestones: tuple[PlannedMilestone, ...]) -> tuple[tuple[date, Decimal], ...]:
    due = [DueMilestone(one.code, one.amount, one.due_on) for one in milestones]
    months: dict[date, Decimal] = {}
    for one in on_milestone(due, undated=project.ends_on or clock.now().date()):
        months[one.period] = months.get(one.period, Decimal(0)) + one.amount
    return tuple(sorted(months.items()))
