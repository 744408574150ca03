"""Revenue: planned per project, recognised as its milestones are invoiced."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from apps.audit.work import Work
from apps.billing.models import BillingMilestone, RevenueLine, RevenueSchedule
from apps.billing.schedules import DueMilestone, PlannedRevenue, RevenueMethod, month, on_milestone, straight_line
from apps.billing.states import MilestoneState, RevenueState
from apps.core import clock
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.projects.models import Project


@dataclass(slots=True)
class RevenuePlan:
    """A revenue schedule and all of its lines."""

    schedule: RevenueSchedule
    lines: list[RevenueLine] = field(default_factory=list)


def hold_revenue(work: Work, project_ids: Collection[str]) -> dict[str, RevenuePlan]:
    """Project id → its active plan, locked. A project without one is missing. Three queries."""
    active = RevenueSchedule.objects.filter(project__in=project_ids, state=RevenueState.ACTIVE)
    held = work.lock(RevenueSchedule, active.values_list("pk", flat=True))
    plans = {row.pk: RevenuePlan(row) for row in held.values()}
    for line in RevenueLine.objects.filter(schedule__in=plans).order_by("period", "pk"):
        plans[line.schedule_id].lines.append(work.track(line))
    return {plan.schedule.project_id: plan for plan in plans.values()}


def plan_revenue(
    work: Work,
    plans: Sequence[tuple[Project, Sequence[BillingMilestone]]],
    *,
    by: Actor,
    method: RevenueMethod = RevenueMethod.ON_MILESTONE,
    held: Mapping[str, RevenuePlan] | None = None,
) -> dict[str, RevenuePlan]:
    """Project id → its active plan over these milestones. Planning the same again changes nothing.

    Another plan revises the active one: a new version takes over, with what was recognised so far left on the old.
    Straight-line needs the project's dates; without them milestones decide. `held`: what hold_revenue gave for a
    larger set; without it, three queries.
    """
    if held is None:
        held = hold_revenue(work, [project.pk for project, _ in plans])
    return {
        project.pk: _plan(work, project, milestones, held.get(project.pk), method=method, by=by)
        for project, milestones in plans
    }


def recognise(
    work: Work, plan: RevenuePlan, *, milestone_id: str, amount: Decimal, on: date, by: Actor, story: str = ""
) -> Decimal:
    """Recognise what was invoiced of a milestone, in the month of `on`; a negative amount reverses. No query.

    What was planned for another month moves to this one, so the plan's total stays. Returns what the plan does not
    cover (revenue_out_of_step when it is not zero). A straight-line plan is recognised by month, not by invoice:
    nothing changes.
    """
    if plan.schedule.method != RevenueMethod.ON_MILESTONE:
        return Decimal(0)
    own = [line for line in plan.lines if line.milestone_id == milestone_id]
    rest = _reverse(own, -amount) if amount < 0 else _earn(work, plan, own, amount, milestone_id, month(on), by=by)
    if rest != amount:
        after = {"milestone": milestone_id, "amount": str(amount - rest), "period": month(on).isoformat()}
        work.note(plan.schedule, verb="recognise" if amount > 0 else "reverse", by=by, after=after, story=story)
    return rest


def revenue_id(project_id: str, number: int) -> str:
    """The canonical id of a version of a project's revenue schedule."""
    return new_id("REV", project_id, number)


def _plan(
    work: Work,
    project: Project,
    milestones: Sequence[BillingMilestone],
    held: RevenuePlan | None,
    *,
    method: RevenueMethod,
    by: Actor,
) -> RevenuePlan:
    live = [row for row in milestones if row.state != MilestoneState.CANCELLED]
    wanted, method = _wanted(project, live, method)
    if held is not None:
        if _totals(held.lines) == _planned_totals(wanted) and held.schedule.method == method:
            return held
        work.move(held.schedule, "revise", by=by, why="the terms changed", story=project.correlation_id)
    schedule = RevenueSchedule(
        id=revenue_id(project.pk, held.schedule.number + 1 if held else 1),
        project=project,
        number=held.schedule.number + 1 if held else 1,
        method=method,
        currency=project.currency,
        total=sum((one.amount for one in wanted), Decimal(0)),
    )
    after = {"project": project.pk, "total": str(schedule.total), "method": str(method)}
    work.create(schedule, by=by, after=after, at_story=project.correlation_id)
    work.move(schedule, "activate", by=by, story=project.correlation_id)
    return RevenuePlan(schedule, [work.create(_line(schedule, one), by=by) for one in wanted])


def _wanted(
    project: Project, milestones: Iterable[BillingMilestone], method: RevenueMethod
) -> tuple[list[PlannedRevenue], RevenueMethod]:
    due = [DueMilestone(row.pk, row.amount, row.due_on) for row in milestones]
    if method == RevenueMethod.STRAIGHT_LINE and project.starts_on and project.ends_on:
        total = sum((one.amount for one in due), Decimal(0))
        spread = straight_line(total, starts_on=project.starts_on, ends_on=project.ends_on, currency=project.currency)
        return spread, method
    return on_milestone(due, undated=project.ends_on or clock.now().date()), RevenueMethod.ON_MILESTONE


def _line(schedule: RevenueSchedule, one: PlannedRevenue) -> RevenueLine:
    return RevenueLine(schedule=schedule, milestone_id=one.milestone_id or None, period=one.period, planned=one.amount)


def _totals(lines: Iterable[RevenueLine]) -> dict[str | date, Decimal]:
    """Per milestone, or per month where months earn: lines that moved to the month of their invoice change nothing."""
    totals: dict[str | date, Decimal] = {}
    for line in lines:
        key = line.milestone_id or line.period
        totals[key] = totals.get(key, Decimal(0)) + line.planned
    return totals


def _planned_totals(wanted: Iterable[PlannedRevenue]) -> dict[str | date, Decimal]:
    return {one.milestone_id or one.period: one.amount for one in wanted}


def _earn(
    work: Work,
    plan: RevenuePlan,
    own: list[RevenueLine],
    amount: Decimal,
    milestone_id: str,
    period: date,
    *,
    by: Actor,
) -> Decimal:
    for line in sorted(own, key=lambda line: (line.period != period, line.period)):
        part = min(amount, line.planned - line.recognised)
        if part <= 0:
            continue
        target = line
        if line.period != period:
            target = _in_month(work, plan, milestone_id, period, by=by)
            line.planned -= part
            target.planned += part
        target.recognised += part
        amount -= part
    return amount


def _in_month(work: Work, plan: RevenuePlan, milestone_id: str, period: date, *, by: Actor) -> RevenueLine:
    for line in plan.lines:
        if line.milestone_id == milestone_id and line.period == period:
            return line
    line = RevenueLine(schedule=plan.schedule, milestone_id=milestone_id, period=period, planned=Decimal(0))
    plan.lines.append(work.create(line, by=by))
    return line


def _reverse(own: list[RevenueLine], amount: Decimal) -> Decimal:
    for line in sorted(own, key=lambda line: line.period, reverse=True):
        part = min(amount, line.recognised)
        line.recognised -= part
        amount -= part
    return -amount
