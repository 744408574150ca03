"""The lifecycles of projects and tasks, as a table and in the database."""

import pytest
from django.db import IntegrityError, transaction

from apps.core.states import state_table
from apps.projects.models import Project, ProjectTask
from apps.projects.states import PROJECT_MOVES, TASK_MOVES
from tests.contracts.story import active_project, deal, requested, told


def test_project_state_table():
    assert state_table(Project) == [
        ("active", "hold", "on_hold"),
        ("active", "start_closing", "closing"),
        ("awaiting_approval", "approve", "provisioning"),
        ("awaiting_approval", "cancel", "cancelled"),
        ("awaiting_approval", "request_again", "requested"),
        ("awaiting_approval", "send_back", "returned"),
        ("closing", "close", "closed"),
        ("on_hold", "release", "active"),
        ("provisioning", "activate", "active"),
        ("provisioning", "cancel", "cancelled"),
        ("requested", "cancel", "cancelled"),
        ("requested", "validate", "validated"),
        ("returned", "cancel", "cancelled"),
        ("returned", "request_again", "requested"),
        ("validated", "cancel", "cancelled"),
        ("validated", "request_again", "requested"),
        ("validated", "request_approval", "awaiting_approval"),
    ]


def test_task_state_table():
    assert state_table(ProjectTask) == [
        ("open", "cancel", "cancelled"),
        ("open", "complete", "completed"),
        ("planned", "cancel", "cancelled"),
        ("planned", "open", "open"),
    ]


@pytest.mark.parametrize(("model", "moves"), [(Project, PROJECT_MOVES), (ProjectTask, TASK_MOVES)])
def test_the_database_lists_the_moves_that_transitions_make(model, moves):
    assert {(source, target) for source, _, target in state_table(model)} == set(moves)


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["active", "closed", "error"])
def test_a_project_cannot_be_made_active_behind_our_back(target):
    project = requested(told(deal())).created[0]

    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(state=target)

    assert Project.objects.get(pk=project.pk).state == "requested"


@pytest.mark.django_db
def test_an_active_project_is_not_cancelled_but_closed():
    project = active_project()

    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(state="cancelled")
