"""The consumer: sets, one poisoned member taken out, the innocent not blamed, the fence, the deadlock."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from apps.core.errors import Rejected
from apps.events import inbox, streams
from apps.events.models import InboxEvent, Stream
from apps.events.states import EventState
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.batch import Batch
from apps.processes.consumer import consume
from apps.processes.told import Told
from tests.faults.whole import assert_tables_whole
from tests.faults.workers import let_time_pass

pytestmark = pytest.mark.django_db(transaction=True)


def _store(*numbers: str, stream: str = "", **payload: Any) -> None:
    inbox.store([
        inbox.message("x.told", {"number": number, **payload}, stream_key=stream or f"deal:{number}",
                      external_id=f"id-{number}", correlation_id=f"story-{number}")
        for number in numbers
    ])  # fmt: skip


class _Route:
    """A router that notes what it was told and fails on the numbers named."""

    def __init__(self, *poisoned: str, failure: Exception | None = None) -> None:
        self.poisoned, self.failure = set(poisoned), failure or RuntimeError("cannot be applied")
        self.rounds: list[list[str]] = []

    def __call__(self, batch: Batch, told: Sequence[Told]) -> None:
        self.rounds.append([str(each.payload["number"]) for each in told])
        if self.poisoned & set(self.rounds[-1]):
            raise self.failure


def test_a_set_is_applied_in_one_go_and_each_object_in_its_order() -> None:
    _store("a", "b")
    _store("a2", "a3", stream="deal:a")
    route = _Route()

    drained = consume(route=route)

    assert (drained.streams, drained.events) == (2, 4)
    assert [sorted(turn) for turn in route.rounds] == [["a", "b"], ["a2"], ["a3"]]
    assert_tables_whole()


def test_one_poisoned_object_stops_nobody_else() -> None:
    _store("a", "b", "c")

    consume(route=_Route("b"))

    states = dict(InboxEvent.objects.values_list("external_id", "state"))
    assert states == {"id-a": EventState.APPLIED, "id-b": EventState.RECEIVED, "id-c": EventState.APPLIED}
    assert InboxEvent.objects.get(external_id="id-b").attempts == 1
    assert_tables_whole()


def test_the_event_at_fault_is_blamed_not_the_first_of_its_stream() -> None:
    _store("good", "bad", "after", stream="deal:1")
    route = _Route("bad", failure=Rejected("refused", code="value_unmapped"))

    for _ in range(4):
        consume(route=route)

    states = dict(InboxEvent.objects.values_list("external_id", "state"))
    assert states == {"id-good": EventState.APPLIED, "id-bad": EventState.DEAD, "id-after": EventState.APPLIED}
    assert ExceptionCase.objects.get().correlation_id == "story-bad"
    assert_tables_whole()


def test_an_event_that_cannot_be_applied_is_a_dead_letter_with_a_case_after_its_last_try() -> None:
    _store("a")
    for _ in range(5):
        consume(route=_Route("a", failure=RuntimeError("nul \x00 in the words")))
        let_time_pass(600)

    assert InboxEvent.objects.get().state == EventState.DEAD
    case = ExceptionCase.objects.get()
    assert (case.kind, case.state) == ("dead_letter", CaseState.OPEN)
    assert "RuntimeError" in case.cause
    assert_tables_whole()


def test_a_lost_lease_writes_nothing_and_the_others_of_the_set_go_on() -> None:
    _store("a", "b")

    def lose_a(batch: Batch, told: Sequence[Told]) -> None:
        Stream.objects.filter(key="deal:a", lease_token=1).update(lease_token=2)

    consume(route=_stealing(lose_a))

    states = dict(InboxEvent.objects.values_list("external_id", "state"))
    assert states == {"id-a": EventState.RECEIVED, "id-b": EventState.APPLIED}


def test_a_deadlock_is_nobodys_fault_and_done_again() -> None:
    _store("a")
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = DeadlockDetected("deadlock detected")
    failures = iter([deadlock])

    def route(batch: Batch, told: Sequence[Told]) -> None:
        for failure in failures:
            raise failure

    consume(route=route)

    event = InboxEvent.objects.get()
    assert (event.state, event.attempts) == (EventState.APPLIED, 0)


def test_a_database_that_went_away_blames_no_event() -> None:
    _store("a")

    with pytest.raises(OperationalError):
        consume(route=_Route("a", failure=OperationalError("server closed the connection")))

    assert InboxEvent.objects.get().attempts == 0
    assert streams.claim(limit=5) == []
    let_time_pass(3600)
    assert len(streams.claim(limit=5)) == 1


def test_a_body_nobody_can_read_becomes_a_case_and_the_stream_goes_on() -> None:
    _store("a", stream="deal:1")
    InboxEvent.objects.update(body=b'{"number": NaN}')
    _store("b", stream="deal:1")

    consume(route=_Route())

    states = dict(InboxEvent.objects.values_list("external_id", "state"))
    assert states == {"id-a": EventState.DEAD, "id-b": EventState.APPLIED}
    assert ExceptionCase.objects.get().kind == "payload_unreadable"


def test_a_replayed_inner_event_closes_the_case_about_the_dead_one() -> None:
    _store("a")
    consume(route=_Route("a", failure=Rejected("refused", code="value_unmapped")))
    assert ExceptionCase.objects.get().is_open

    with transaction.atomic():
        inbox.store([inbox.replay_of(InboxEvent.objects.get())])
    consume(route=_Route())

    assert ExceptionCase.objects.get().state == CaseState.RESOLVED
    assert_tables_whole()


def _stealing(steal: Any) -> Any:
    """Somebody else takes the lease while the set is at work; seen by its own connection, as by another worker."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def theft() -> None:
        steal(Batch(), [])
        connection.close()

    def route(batch: Batch, told: Sequence[Told]) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(theft).result()

    return route
