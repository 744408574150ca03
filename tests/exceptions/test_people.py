"""What people do with a case: each change has a reason, a version check and an audit line."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.queries import lines
from apps.core import clock
from apps.core.actor import person
from apps.core.errors import BadInput, Conflict
from apps.core.states import state_table
from apps.exceptions.actions import people
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import CaseNote, ExceptionCase
from apps.exceptions.states import MOVES, CaseState
from tests.factories import finding, opened

pytestmark = pytest.mark.django_db
ANNA, BEN = person("anna"), person("ben")


@pytest.fixture
def case() -> ExceptionCase:
    return opened(finding())[0]


def fresh(case):
    return ExceptionCase.objects.get(pk=case.pk)


def test_case_state_table():
    assert state_table(ExceptionCase) == [
        ("assigned", "assign", "assigned"),
        ("assigned", "begin", "resolving"),
        ("assigned", "dismiss", "dismissed"),
        ("assigned", "release", "open"),
        ("assigned", "resolve", "resolved"),
        ("dismissed", "reopen", "open"),
        ("open", "assign", "assigned"),
        ("open", "begin", "resolving"),
        ("open", "dismiss", "dismissed"),
        ("open", "resolve", "resolved"),
        ("resolved", "reopen", "open"),
        ("resolving", "dismiss", "dismissed"),
        ("resolving", "hand_back", "assigned"),
        ("resolving", "requeue", "open"),
        ("resolving", "resolve", "resolved"),
    ]
    assert {(source, target) for source, _, target in state_table(ExceptionCase)} == {
        (str(a), str(b)) for a, b in MOVES
    }


def test_the_database_refuses_a_move_no_transition_lists(case):
    people.resolve_case(case.pk, by=ANNA, why="posted by hand", resolution="close_with_reference")

    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="may not go from resolved to resolving"):
        cursor.execute("UPDATE exceptions_exceptioncase SET state = 'resolving' WHERE id = %s", [case.pk])


def test_whoever_takes_a_case_has_it_until_it_is_released(case):
    people.take_case(case.pk, by=ANNA)
    assert (fresh(case).state, fresh(case).assigned_to) == (CaseState.ASSIGNED, "person:anna")

    people.release_case(case.pk, by=ANNA)
    assert (fresh(case).state, fresh(case).assigned_to) == (CaseState.OPEN, "")


def test_taking_a_case_over_needs_a_reason(case):
    people.take_case(case.pk, by=ANNA)

    with pytest.raises(BadInput, match="is with person:anna"):
        people.take_case(case.pk, by=BEN)

    people.take_case(case.pk, by=BEN, why="Anna is on leave")
    assert fresh(case).assigned_to == "person:ben"


def test_taking_ones_own_case_again_changes_nothing(case):
    people.take_case(case.pk, by=ANNA)
    version = fresh(case).version

    people.take_case(case.pk, by=ANNA)

    assert fresh(case).version == version


def test_whoever_saw_an_older_version_is_told_so_and_changes_nothing(case):
    seen = fresh(case).version
    people.take_case(case.pk, by=ANNA, expected_version=seen)

    with pytest.raises(Conflict, match=f"you saw version {seen}"):
        people.dismiss_case(case.pk, by=BEN, why="looks fine", expected_version=seen)

    assert fresh(case).state == CaseState.ASSIGNED


def test_a_snoozed_case_stays_due_when_it_was(case):
    due, until = fresh(case).due_at, clock.now() + timedelta(days=2)

    people.snooze_case(case.pk, until=until, by=ANNA, why="tax team is back on Wednesday")

    assert (fresh(case).snoozed_until, fresh(case).due_at) == (until, due)


def test_nothing_can_be_snoozed_into_the_past(case):
    with pytest.raises(BadInput, match="has passed"):
        people.snooze_case(case.pk, until=clock.now() - timedelta(minutes=1), by=ANNA, why="oops")


def test_a_case_with_an_unknown_outcome_may_not_be_dismissed():
    (case,) = opened(finding("unknown_outcome"))

    with pytest.raises(NotPossible, match=r"may not be dismissed\. Choose one of: look_up"):
        people.dismiss_case(case.pk, by=ANNA, why="surely fine")

    assert fresh(case).is_open


@pytest.mark.parametrize("close", [people.dismiss_case, people.escalate_case])
def test_a_decision_without_a_reason_is_refused(case, close):
    with pytest.raises(BadInput, match="a reason is needed"):
        close(case.pk, by=ANNA, why="  ")


def test_a_closed_case_tells_what_is_still_possible(case):
    people.dismiss_case(case.pk, by=ANNA, why="posted by hand")

    with pytest.raises(NotPossible, match="is dismissed; assign is not possible now, only reopen"):
        people.take_case(case.pk, by=BEN)


def test_a_case_a_person_reopens_has_not_regressed(case):
    people.dismiss_case(case.pk, by=ANNA, why="posted by hand")

    people.reopen_case(case.pk, by=BEN, why="it was another invoice")

    assert (fresh(case).state, fresh(case).regressed, fresh(case).regressions) == (CaseState.OPEN, False, 0)


def test_an_escalated_case_goes_to_the_next_role_and_stays_with_its_person(case):
    people.take_case(case.pk, by=ANNA)

    people.escalate_case(case.pk, by=ANNA, why="period closes today")

    assert (fresh(case).owner_role, fresh(case).assigned_to) == ("finance_controller", "person:anna")
    assert fresh(case).escalated_at is not None


def test_a_note_is_kept_and_its_words_stay_out_of_the_audit_trail(case):
    note = people.add_note(case.pk, text="  Asked Ms Meyer of the tax team. ", by=ANNA)

    assert (note.text, note.by) == ("Asked Ms Meyer of the tax team.", "person:anna")
    line = lines(fresh(case))[-1]
    assert (line.verb, line.after) == ("note", {"note": note.pk})
    assert "Meyer" not in str(line.content())


def test_a_note_can_neither_be_changed_nor_removed(case):
    note = people.add_note(case.pk, text="first words", by=ANNA)

    with pytest.raises(DatabaseError), transaction.atomic():
        CaseNote.objects.filter(pk=note.pk).update(text="other words")
    with pytest.raises(DatabaseError), transaction.atomic():
        CaseNote.objects.filter(pk=note.pk).delete()


def test_minutes_are_set_not_added_and_both_values_are_kept(case):
    people.log_minutes(case.pk, minutes=15, by=ANNA)
    people.log_minutes(case.pk, minutes=40, by=ANNA, why="call with the customer")

    assert fresh(case).minutes_spent == 40
    assert (lines(fresh(case))[-1].before, lines(fresh(case))[-1].after) == ({"minutes": 15}, {"minutes": 40})


@pytest.mark.parametrize("minutes", [-1, 60 * 24 * 7 + 1])
def test_minutes_that_cannot_be_are_refused(case, minutes):
    with pytest.raises(BadInput, match=f"{minutes} minutes cannot be"):
        people.log_minutes(case.pk, minutes=minutes, by=ANNA)


def test_a_case_that_does_not_exist_is_named():
    with pytest.raises(ExceptionCase.DoesNotExist, match="EXC-7 does not exist"):
        people.take_case(7, by=ANNA)
