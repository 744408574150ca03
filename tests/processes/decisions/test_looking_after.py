"""What happens to a case while nothing is sent anywhere."""

from datetime import timedelta

import pytest

from apps.access.errors import NotAllowed
from apps.audit.models import AuditLine
from apps.core import clock
from apps.core.errors import BadInput
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.decisions import registry
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(db: None) -> ExceptionCase:
    return factories.opened()[0]


def test_a_case_is_given_to_a_colleague_of_its_entity(case: ExceptionCase) -> None:
    anna, _ = factories.person("anna"), factories.person("tom")
    factories.person("us", entities=("US-01",))
    (offer,) = [each for each in registry.offered(case, anna) if each.name == "reassign"]
    assert [value for value, _ in offer.inputs[0].choices] == ["anna", "tom"]

    registry.apply("reassign", case_id=case.pk, by=anna, why="knows the customer", inputs={"to": "tom"})

    case.refresh_from_db()
    assert (case.state, case.assigned_to) == (CaseState.ASSIGNED, "person:tom")
    with pytest.raises(BadInput):
        registry.apply("reassign", case_id=case.pk, by=anna, why="x", inputs={"to": "us"})


def test_a_case_sleeps_until_a_time_to_come(case: ExceptionCase) -> None:
    anna, later = factories.person("anna"), clock.now() + timedelta(days=1)
    with pytest.raises(BadInput):
        registry.apply("snooze", case_id=case.pk, by=anna, why="x", inputs={"until": "2020-01-01T09:00"})

    registry.apply("snooze", case_id=case.pk, by=anna, why="asked the bank", inputs={"until": later.isoformat()})

    case.refresh_from_db()
    assert (case.state, case.snoozed_until) == (CaseState.OPEN, later)


def test_a_case_is_closed_with_the_number_of_what_settled_it(case: ExceptionCase) -> None:
    anna = factories.person("anna")

    registry.apply("close_with_reference", case_id=case.pk, by=anna, why="credited", inputs={"document": "CM-9"})

    case.refresh_from_db()
    assert (case.state, case.resolution) == (CaseState.RESOLVED, "close_with_reference")
    assert AuditLine.objects.filter(subject_id=str(case.pk), after={"document": "CM-9"}).exists()


def test_nobody_decides_for_an_entity_that_is_not_theirs(case: ExceptionCase) -> None:
    other = factories.person("us", entities=("US-01",))

    for name in ("dismiss", "snooze", "close_with_reference", "waive"):
        with pytest.raises((NotAllowed, NotPossible)):
            registry.apply(name, case_id=case.pk, by=other, why="x", inputs={"document": "x"})

    assert ExceptionCase.objects.get(pk=case.pk).state == CaseState.OPEN


def test_what_the_catalogue_does_not_allow_is_refused() -> None:
    (case,) = factories.opened(factories.finding("unknown_outcome"))

    with pytest.raises(NotPossible):
        registry.apply("dismiss", case_id=case.pk, by=factories.person("anna"), why="x")
