"""Overdue cases go up once per due time."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.core.actor import person
from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase
from apps.exceptions.tasks import escalate_overdue
from tests.factories import finding, opened

pytestmark = pytest.mark.django_db


@pytest.fixture
def later(monkeypatch):
    """Move the clock on by this much."""
    real = clock.now

    def move(**delta):
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**delta))

    return move


def test_what_is_not_due_stays_where_it_is():
    opened(finding())

    assert escalate_overdue() == 0


def test_an_overdue_case_goes_to_the_next_role_once(later):
    opened(finding(), finding(), finding())
    later(days=10)

    assert (escalate_overdue(), escalate_overdue()) == (3, 0)
    assert set(ExceptionCase.objects.values_list("owner_role", flat=True)) == {"finance_controller"}


def test_a_snoozed_case_is_left_alone_until_it_wakes(later):
    (case,) = opened(finding())
    people.snooze_case(
        case.pk, until=clock.now() + timedelta(days=20), by=person("anna"), why="waiting for the customer"
    )

    later(days=10)
    assert escalate_overdue() == 0
    later(days=21)
    assert escalate_overdue() == 1


def test_a_closed_case_is_never_escalated(later):
    (case,) = opened(finding())
    people.resolve_case(case.pk, by=person("anna"), why="done", resolution="replay")
    later(days=10)

    assert escalate_overdue() == 0
