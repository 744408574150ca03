"""Revenue: planned, recognised in the month of the invoice, and always adding up."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.work import Work
from apps.billing.actions.revenue import RevenuePlan, hold_revenue, plan_revenue, recognise
from apps.billing.models import BillingMilestone, RevenueLine, RevenueSchedule
from apps.billing.schedules import RevenueMethod
from apps.projects.models import Project
from tests.contracts.story import BY, active_project

NOVEMBER = date(2026, 11, 20)


def planned(project: Project, method=RevenueMethod.ON_MILESTONE) -> RevenuePlan:
    milestones = list(BillingMilestone.objects.filter(project=project).order_by("code"))
    with transaction.atomic():
        work = Work()
        plan = plan_revenue(work, [(project, milestones)], by=BY, method=method)[project.pk]
        work.flush()
    return plan


def recognised(project: Project, code: str, amount: str, on: date = NOVEMBER) -> Decimal:
    milestone = BillingMilestone.objects.get(project=project, code=code)
    with transaction.atomic():
        work = Work()
        plan = hold_revenue(work, [project.pk])[project.pk]
        rest = recognise(work, plan, milestone_id=milestone.pk, amount=Decimal(amount), on=on, by=BY)
        work.flush()
    return rest


def figures(code: str) -> list[tuple[int, Decimal, Decimal]]:
    lines = RevenueLine.objects.filter(milestone__code=code).order_by("period")
    return [(one.period.month, one.planned, one.recognised) for one in lines]


@pytest.mark.django_db
def test_revenue_is_planned_in_the_month_a_milestone_is_due():
    plan = planned(active_project())

    assert (plan.schedule.state, plan.schedule.total, plan.schedule.method) == ("active", 1000, "on_milestone")
    assert figures("M1") == [(1, 600, 0)]
    assert figures("M2") == [(2, 400, 0)]


@pytest.mark.django_db
def test_planning_the_same_again_changes_nothing():
    project = active_project()

    assert planned(project).schedule.pk == planned(project).schedule.pk
    assert RevenueSchedule.objects.count() == 1


@pytest.mark.django_db
def test_another_plan_is_a_new_version():
    project = active_project()
    planned(project)
    BillingMilestone.objects.filter(code="M2").update(amount=500)

    plan = planned(project)

    assert (plan.schedule.number, plan.schedule.total) == (2, 1100)
    assert list(RevenueSchedule.objects.order_by("number").values_list("state", flat=True)) == ["revised", "active"]


@pytest.mark.django_db
def test_straight_line_spreads_over_the_months_of_the_project():
    plan = planned(active_project(), RevenueMethod.STRAIGHT_LINE)

    assert len(plan.lines) == 12
    assert sum(line.planned for line in plan.lines) == 1000
    assert {line.milestone_id for line in plan.lines} == {None}


@pytest.mark.django_db
def test_what_is_invoiced_later_than_due_is_recognised_in_its_own_month():
    project = active_project()
    planned(project)

    rest = recognised(project, "M1", "250")

    assert rest == 0
    assert figures("M1") == [(1, 350, 0), (11, 250, 250)]
    recognised(project, "M1", "350")
    assert figures("M1") == [(1, 0, 0), (11, 600, 600)]
    assert planned(project).schedule.number == 1


@pytest.mark.django_db
def test_revenue_beyond_the_plan_is_returned_and_not_recognised():
    project = active_project()
    planned(project)

    assert recognised(project, "M1", "601") == 1
    assert figures("M1") == [(1, 0, 0), (11, 600, 600)]


@pytest.mark.django_db
def test_a_credit_reverses_what_was_recognised():
    project = active_project()
    planned(project)
    recognised(project, "M1", "600", date(2026, 1, 10))

    assert recognised(project, "M1", "-200") == 0
    assert figures("M1") == [(1, 600, 400)]
    assert recognised(project, "M1", "-500") == -100


@given(
    st.lists(
        st.tuples(st.decimals(min_value=-300, max_value=700, places=2), st.dates(date(2026, 1, 1), date(2026, 6, 30))),
        max_size=12,
    )
)
def test_a_plan_keeps_its_total_whatever_is_recognised(bookings):
    schedule = RevenueSchedule(id="REV-1", state="active", method="on_milestone", currency="EUR", total=Decimal(1000))
    plan = RevenuePlan(
        schedule,
        [
            RevenueLine(schedule=schedule, milestone_id=code, period=date(2026, month, 1), planned=part, recognised=0)
            for code, month, part in (("M1", 1, Decimal(600)), ("M2", 2, Decimal(400)))
        ],
    )
    booked = Decimal(0)

    for amount, on in bookings:
        booked += amount - recognise(Work(), plan, milestone_id="M1", amount=amount, on=on, by=BY)

    assert sum(line.planned for line in plan.lines) == 1000
    assert sum(line.recognised for line in plan.lines) == booked
    assert all(0 <= line.recognised <= line.planned for line in plan.lines)
