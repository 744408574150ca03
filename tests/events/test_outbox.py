"""The outbox: intent before the call, order per object, and nothing settled by who has lost the lease."""

from collections.abc import Sequence

import pytest

from apps.canonical.commands import ReadOpportunity
from apps.events import outbox
from apps.events.models import DeliveryAttempt, InboxEvent, OutboxCommand
from apps.events.outbox import Claimed, Order, Outcome
from apps.events.states import CommandState
from tests.faults.workers import let_time_pass

pytestmark = pytest.mark.django_db


def _order(key: str, *, stream: str = "deal:1", system: str = "erp") -> Order:
    return Order(system, ReadOpportunity(ref="1"), stream, key, "story-0001", reference=f"STP-{key}")


def _claim(most: int = 10) -> list[Claimed]:
    return outbox.claim("erp", limit=most, lease_s=60)


def _record(claimed: Sequence[Claimed], state: CommandState, **more: object) -> set[int]:
    return outbox.record([Outcome(each, state, str(state), **more) for each in claimed])  # type: ignore[arg-type]


def test_one_idempotency_key_is_enqueued_once() -> None:
    assert outbox.enqueue([_order("k1"), _order("k1")]) == ["erp"]
    outbox.enqueue([_order("k1")])

    assert OutboxCommand.objects.count() == 1


def test_the_intent_is_written_before_the_call() -> None:
    outbox.enqueue([_order("k1")])

    (claimed,) = _claim()

    attempt = DeliveryAttempt.objects.get()
    assert (claimed.kind, attempt.kind, attempt.finished_at) == ("execute", "execute", None)
    assert OutboxCommand.objects.get().state == CommandState.SENT


def test_commands_of_one_object_go_one_after_another_and_of_others_meanwhile() -> None:
    outbox.enqueue([_order("k1"), _order("k2"), _order("k3", stream="deal:2")])

    first = _claim()
    assert sorted(each.idempotency_key for each in first) == ["k1", "k3"]
    assert _claim() == []
    _record(first, CommandState.ACKNOWLEDGED)
    assert [each.idempotency_key for each in _claim()] == ["k2"]


def test_what_was_sent_and_never_settled_comes_back_as_a_look_up() -> None:
    outbox.enqueue([_order("k1")])
    _claim()
    let_time_pass(61)

    (again,) = _claim()

    assert (again.kind, again.attempts, again.lookups) == ("lookup", 1, 1)
    assert list(DeliveryAttempt.objects.order_by("id").values_list("outcome", flat=True)) == ["abandoned", ""]


def test_who_has_lost_the_lease_settles_nothing() -> None:
    outbox.enqueue([_order("k1")])
    late = _claim()
    let_time_pass(61)
    present = _claim()

    assert _record(late, CommandState.ACKNOWLEDGED) == set()
    assert OutboxCommand.objects.get().state == CommandState.UNKNOWN
    assert _record(present, CommandState.ACKNOWLEDGED) == {present[0].id}


def test_an_outcome_told_twice_counts_once() -> None:
    outbox.enqueue([_order("k1")])
    claimed = _claim()

    assert len(_record(claimed, CommandState.ACKNOWLEDGED)) == 1
    assert _record(claimed, CommandState.REJECTED) == set()
    assert OutboxCommand.objects.get().state == CommandState.ACKNOWLEDGED


def test_a_try_that_was_not_made_does_not_count() -> None:
    outbox.enqueue([_order("k1")])

    _record(_claim(), CommandState.PENDING, untried=True)

    assert OutboxCommand.objects.get().attempts == 0


def test_only_what_nobody_has_sent_can_be_withdrawn() -> None:
    outbox.enqueue([_order("k1"), _order("k2", stream="deal:2")])
    outbox.claim("erp", limit=1, lease_s=60)

    assert outbox.cancel(["deal:1", "deal:2"]) == 1
    assert set(OutboxCommand.objects.values_list("state", flat=True)) == {CommandState.SENT, CommandState.CANCELLED}


def test_the_fate_of_a_step_is_that_of_its_latest_command() -> None:
    outbox.enqueue([_order("k1")])
    _record(_claim(), CommandState.REJECTED)

    assert outbox.fate_of("STP-k1") == CommandState.REJECTED
    assert outbox.fate_of("STP-none") is None


def test_a_dead_command_can_be_asked_about_again_and_keeps_its_key() -> None:
    outbox.enqueue([_order("k1")])
    _record(_claim(), CommandState.DEAD)

    assert outbox.reopen_for_lookup(["STP-k1"]) == ["erp"]
    (again,) = _claim()
    assert (again.kind, again.idempotency_key) == ("lookup", "k1")


def test_words_a_database_cannot_keep_do_not_stop_the_settling() -> None:
    outbox.enqueue([_order("k1")])

    assert _record(_claim(), CommandState.REJECTED, detail="nul \x00 here", code="x" * 200) != set()
    assert InboxEvent.objects.count() == 0


def test_only_systems_with_something_due_are_named() -> None:
    outbox.enqueue([_order("k1"), _order("k2", stream="deal:2", system="crm")])
    _record(_claim(), CommandState.PENDING, delay_s=60.0)

    assert outbox.due_systems() == ["crm"]
