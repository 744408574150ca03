"""Tasks made from a template: shares add up, hours follow the blended rate."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.work import Work
from apps.core.money import minor_units, split_amount
from apps.projects.actions.tasks import plan_tasks
from apps.projects.masters import TEMPLATES
from apps.projects.models import ProjectTask, ProjectTemplate
from tests.contracts.story import BY, active_project, deal, line


def planned(project, template) -> list[ProjectTask]:
    with transaction.atomic():
        work = Work()
        tasks = plan_tasks(work, [(project, template)], by=BY)[project.pk]
        work.flush()
    return tasks


@pytest.mark.django_db
def test_tasks_follow_the_template_and_the_residue_lands_in_the_last():
    project = active_project(deal("9001", line("DE-01", "1000.01")))

    tasks = planned(project, ProjectTemplate.objects.get(pk="IMPLEMENTATION-STANDARD"))

    assert [(task.code, task.budget) for task in tasks] == [
        ("LEAD", Decimal("120.00")),
        ("DESIGN", Decimal("180.00")),
        ("BUILD", Decimal("400.00")),
        ("TEST", Decimal("150.00")),
        ("GOLIVE", Decimal("100.00")),
        ("HANDOVER", Decimal("50.01")),
    ]
    assert sum(task.budget for task in tasks) == project.budget
    assert tasks[2].budget_hours == Decimal("2.50")
    assert ProjectTask.objects.filter(state="planned").count() == 6


@pytest.mark.django_db
def test_planning_again_makes_no_second_task():
    project = active_project()
    template = ProjectTemplate.objects.get(pk="IMPLEMENTATION-STANDARD")

    first = planned(project, template)
    again = planned(project, template)

    assert [task.pk for task in first] == [task.pk for task in again]
    assert ProjectTask.objects.count() == 6


@pytest.mark.django_db
def test_a_task_the_template_no_longer_has_is_cancelled():
    project = active_project()
    planned(project, ProjectTemplate.objects.get(pk="IMPLEMENTATION-STANDARD"))

    planned(project, ProjectTemplate.objects.get(pk="IMPLEMENTATION-OFFSHORE"))

    assert ProjectTask.objects.get(code="HANDOVER").state == "cancelled"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.code)
def test_the_shares_of_a_demo_template_add_up_to_one(template):
    assert sum(Decimal(task["budget_share"]) for task in template.tasks) == 1
    assert 4 <= len(template.tasks) <= 6


@given(
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.lists(st.decimals(min_value="0.01", max_value=1, places=2), min_size=1, max_size=8),
    st.sampled_from(["EUR", "USD", "JPY", "KWD"]),
)
def test_parts_always_add_up_to_the_whole(amount, weights, currency):
    parts = split_amount(amount, weights, currency)

    assert sum(parts) == amount
    assert all(part == part.quantize(Decimal(1).scaleb(-minor_units(currency))) for part in parts[:-1])
