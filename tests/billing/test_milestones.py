"""Milestones planned from terms, and reported achieved."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_fsm import TransitionNotAllowed

from apps.audit.work import Work
from apps.billing.actions.milestones import achieve, milestone_id, plan_milestones
from apps.billing.models import BillingMilestone
from apps.core.errors import BadInput
from apps.projects.models import Project
from tests.billing.story import drafted
from tests.contracts.story import BY, achieved, active_project, company, deal, line, requested, told

pytestmark = pytest.mark.django_db


def planned(project: Project, *lines) -> list[BillingMilestone]:
    with transaction.atomic():
        work = Work()
        rows = plan_milestones(work, [(project, lines)], by=BY)[project.pk]
        work.flush()
    return rows


def test_a_project_gets_the_milestones_of_its_own_lines():
    terms = deal("9001", line("DE-01", "600", "400"), line("US-01", "50"))
    project = requested(told(terms)).created[0]

    rows = planned(project, *terms.lines)

    assert [(row.code, row.amount, row.due_on, row.state) for row in rows] == [
        ("M1", 600, date(2026, 1, 28), "planned"),
        ("M2", 400, date(2026, 2, 28), "planned"),
    ]
    assert rows[0].pk == milestone_id(project.contract_id, "DE-01:IMPLEMENTATION", "M1")


def test_planning_again_follows_what_is_still_planned_and_leaves_the_rest():
    project = active_project()
    achieved("M1", project=project)

    planned(project, line("DE-01", "900", "500", "1"))

    assert list(BillingMilestone.objects.order_by("code").values_list("code", "amount")) == [
        ("M1", 600),
        ("M2", 500),
        ("M3", 1),
    ]


def test_a_planned_milestone_that_left_the_contract_is_cancelled():
    project = active_project()

    planned(project, line("DE-01", "600"))

    assert BillingMilestone.objects.get(code="M2").state == "cancelled"
    assert BillingMilestone.objects.get(code="M1").state == "planned"


def test_a_report_again_replaces_the_evidence_until_an_invoice_is_drafted():
    project = active_project()
    first = achieved("M1", project=project)
    second = achieved("M1", project=project, evidence={"document": "better.pdf"})
    drafted(second)

    third = achieved("M1", project=project, evidence={"document": "late.pdf"})

    assert (first.state, second.evidence) == ("achieved", {"document": "better.pdf"})
    assert (third.state, third.evidence) == ("eligible", {"document": "better.pdf"})


def test_more_than_what_remains_cannot_be_reported():
    with pytest.raises(BadInput, match=r"600\S* remains") as refused:
        achieved("M1", amount=Decimal(601))

    assert refused.value.path == "amount"
    assert refused.value.mend


def test_a_milestone_on_hold_cannot_be_reported():
    project = active_project()
    with transaction.atomic():
        work = Work()
        row = work.lock(BillingMilestone, BillingMilestone.objects.values_list("pk", flat=True)[:1])
        milestone = next(iter(row.values()))
        work.move(milestone, "hold", by=BY)
        work.flush()

    with pytest.raises(TransitionNotAllowed):
        achieve(Work(), milestone, on=date(2026, 11, 1), evidence={"a": 1}, by=BY)

    assert BillingMilestone.objects.get(pk=milestone.pk).state == "on_hold"
    assert project.pk == milestone.project_id


def test_planning_fifty_projects_costs_as_many_queries_as_one():
    terms = {str(number): deal(str(number), account=company(str(number))) for number in range(1, 51)}
    projects = requested(told(*terms.values())).created
    plans = [(project, terms[project.contract.ref].lines) for project in projects]

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        work = Work()
        plan_milestones(work, plans, by=BY)
        work.flush()

    assert BillingMilestone.objects.count() == 100
    assert len(captured) <= 5
