"""Opening and settling cases in sets: one case per failure, refreshed, reopened, closed by itself."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditLine
from apps.audit.queries import lines
from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import person, saga
from apps.core.money import Money
from apps.exceptions.actions import people
from apps.exceptions.actions.sets import begin_resolving, open_cases, settle_cases
from apps.exceptions.catalogue import UnknownKind
from apps.exceptions.models import FIRST_NUMBER, ExceptionCase
from apps.exceptions.states import CaseState
from tests.factories import finding, opened

pytestmark = pytest.mark.django_db
BY, ANNA = saga("milestone_billing"), person("anna")


def settled(*references: str) -> list[ExceptionCase]:
    with transaction.atomic():
        work = Work()
        cases = settle_cases(work, references, by=BY, why="the ERP posted it")
        work.flush()
    return cases


def begun(case: ExceptionCase) -> None:
    with transaction.atomic():
        work = Work()
        begin_resolving(work, [case.pk], by=ANNA, why="replay")
        work.flush()


def test_a_refused_invoice_becomes_a_case_of_finance_with_its_money_and_its_due_time(monkeypatch):
    friday_evening = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # 16:00 in Berlin
    monkeypatch.setattr(clock, "now", lambda: friday_evening)

    (case,) = opened(finding(amount=Money(Decimal("10.50"), "EUR"), reference="STP-1"))

    case = ExceptionCase.objects.get(pk=case.pk)
    assert case.pk >= FIRST_NUMBER
    assert case.number == f"EXC-{case.pk}"
    assert (case.kind, case.family, case.severity, case.owner_role) == (
        "invoice_rejected",
        "money",
        "critical",
        "finance_ops",
    )
    assert (case.state, case.occurrences, case.regressed) == (CaseState.OPEN, 1, False)
    assert case.money == Money(Decimal("10.50"), "EUR")
    # One business hour is left on Friday, three remain for Monday from 09:00 in Berlin.
    assert case.due_at == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    assert case.blocked == ["Invoice M2", "Revenue November 2026"]


def test_a_hundred_failures_cost_as_many_statements_as_one():
    with CaptureQueriesContext(connection) as for_one, transaction.atomic():
        open_cases(Work(), [finding()], by=BY)
    with CaptureQueriesContext(connection) as for_many, transaction.atomic():
        open_cases(Work(), [finding() for _ in range(100)], by=BY)

    assert len(for_one) == len(for_many)
    assert len([query for query in for_many if "SAVEPOINT" not in query["sql"]]) <= 3


def test_the_same_failure_again_refreshes_its_case_and_opens_no_second_one():
    first = finding(attempts=1, message="time-out", evidence={"answer": {"status": 500}})
    (case,) = opened(first)
    due = ExceptionCase.objects.get().due_at

    (again,) = opened(
        finding(**_same(first), attempts=4, message="tax code missing", evidence={"answer": {"status": 422}})
    )

    assert again.pk == case.pk
    case = ExceptionCase.objects.get()
    assert (case.occurrences, case.attempts, case.cause) == (2, 4, "tax code missing")
    assert case.evidence == {"answer": {"status": 422}}
    assert case.due_at == due


def test_one_failure_told_twice_in_a_set_is_one_case_seen_twice():
    told = finding(attempts=1)

    first, second = opened(told, finding(**_same(told), attempts=3))

    assert first.pk == second.pk
    assert (first.occurrences, first.attempts) == (2, 3)


def test_two_steps_of_one_project_that_fail_alike_are_two_cases():
    told = finding(reference="STP-a")

    opened(told, finding(**(_same(told) | {"reference": "STP-b"})))

    assert ExceptionCase.objects.count() == 2


def test_a_case_closes_by_itself_when_what_was_stuck_moves_on():
    opened(finding(reference="STP-1"), finding(reference="STP-2"))

    closed = settled("STP-1", "STP-unheard-of")

    assert [case.reference for case in closed] == ["STP-1"]
    case = ExceptionCase.objects.get(reference="STP-1")
    assert (case.state, case.resolution) == (CaseState.RESOLVED, "settled")
    assert case.resolved_at is not None
    assert ExceptionCase.objects.get(reference="STP-2").state == CaseState.OPEN


def test_settling_twice_changes_nothing_the_second_time():
    opened(finding(reference="STP-1"))
    settled("STP-1")
    version = ExceptionCase.objects.get().version

    assert settled("STP-1") == []
    assert ExceptionCase.objects.get().version == version


@pytest.mark.parametrize("closed_by", ["settle", "dismiss"])
def test_a_closed_failure_that_comes_back_reopens_its_case_as_regressed(closed_by):
    told = finding(reference="STP-1")
    (case,) = opened(told)
    if closed_by == "settle":
        settled("STP-1")
    else:
        people.dismiss_case(case.pk, by=ANNA, why="already done by hand")

    (again,) = opened(finding(**(_same(told) | {"reference": "STP-9"})))

    assert again.pk == case.pk
    case = ExceptionCase.objects.get()
    assert (case.state, case.regressed, case.regressions, case.reference) == (CaseState.OPEN, True, 1, "STP-9")
    assert (case.resolution, case.resolved_at, case.assigned_to) == ("", None, "")
    assert case.due_at > clock.now()


def test_two_failures_of_one_cause_share_one_closed_case_only_once():
    told = finding(reference="STP-1")
    opened(told)
    settled("STP-1")

    opened(finding(**(_same(told) | {"reference": "STP-8"})), finding(**(_same(told) | {"reference": "STP-9"})))

    assert ExceptionCase.objects.count() == 2
    assert ExceptionCase.objects.filter(regressed=True).count() == 1


def test_a_replay_that_fails_gives_the_case_back_to_whoever_had_it():
    told = finding()
    (case,) = opened(told)
    people.take_case(case.pk, by=ANNA)
    begun(case)

    opened(finding(**_same(told)))

    case = ExceptionCase.objects.get()
    assert (case.state, case.assigned_to) == (CaseState.ASSIGNED, ANNA.key)


def test_a_replay_that_fails_puts_a_case_nobody_had_back_into_the_queue():
    told = finding()
    (case,) = opened(told)
    begun(case)

    opened(finding(**_same(told)))

    assert ExceptionCase.objects.get().state == CaseState.OPEN


def test_a_poisoned_message_still_becomes_a_case():
    poison = finding(
        "payload_unreadable", message="amount\x00 is \ud800", code="x" * 500, field="f" * 500, entity="E" * 300,
        evidence={"source": "y" * 10_000_000, "n": float("nan"), "nul": "\x00"},
    )  # fmt: skip

    opened(poison)

    case = ExceptionCase.objects.get()
    assert "\x00" not in case.cause
    assert len(case.evidence["source"]) < 30_000


def test_a_finding_of_an_unknown_kind_is_refused_before_anything_is_changed():
    with pytest.raises(UnknownKind), transaction.atomic():
        open_cases(Work(), [finding(), finding("no_such_kind")], by=BY)

    assert not ExceptionCase.objects.exists()


def test_a_caller_who_rolls_back_leaves_no_case():
    with transaction.atomic():
        opened(finding())
        transaction.set_rollback(True)

    assert not ExceptionCase.objects.exists()


def test_every_change_of_a_case_is_a_line_of_its_story():
    told = finding(reference="STP-1", correlation_id="story-of-aurora")
    (case,) = opened(told)
    settled("STP-1")
    opened(told)

    case = ExceptionCase.objects.get()
    assert [(line.verb, line.source, line.target) for line in lines(case)] == [
        ("create", "", "open"), ("resolve", "open", "resolved"), ("reopen", "resolved", "open"),
    ]  # fmt: skip
    assert {line.correlation_id for line in lines(case)} == {"story-of-aurora"}
    assert AuditLine.objects.filter(subject_type="exceptioncase").count() == 3


def test_the_database_refuses_a_second_open_case_of_the_same_failure():
    opened(finding())
    twin = ExceptionCase.objects.get()
    twin.pk = None

    with pytest.raises(IntegrityError, match="case_open_once"), transaction.atomic():
        ExceptionCase.objects.bulk_create([twin])


def _same(told):
    """What makes another finding the same case."""
    return {name: getattr(told, name) for name in ("subject_id", "reference", "stream_key")}
