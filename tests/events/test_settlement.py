"""What an answer or a failure makes of a command. Pure."""

from typing import Any

import pytest

from apps.canonical.codec import load_json_object
from apps.connectors.base import Accepted, Capabilities, Done
from apps.core.errors import Failure, Rejected, TransientFailure, UnknownOutcome
from apps.events import settlement
from apps.events.outbox import Claimed
from apps.events.retry import LOOKUP, SEND, RetryPolicy
from apps.events.states import CommandState

KEYED = Capabilities(idempotency="external_id_upsert", concurrency="none", max_in_flight_s=60)
SEARCHED = Capabilities(idempotency="search_first", concurrency="none", max_in_flight_s=60)


def _claimed(kind: str = "execute", *, name: str = "CreateInvoice", **more: Any) -> Claimed:
    given = {"attempts": 1, "lookups": 0, "handle": "", "correlation_id": "story-0001"} | more
    return Claimed(7, 3, kind, "erp", name, "deal:1", "STP-1", "{}", "US-01", "key-1", **given)


def test_an_answer_settles_and_tells_the_step_that_waits() -> None:
    outcome = settlement.answered(_claimed(), Done(ref="42", version="v1", payload={"number": "R-1"}))

    assert outcome.state == CommandState.ACKNOWLEDGED
    assert outcome.receipt is not None
    assert (outcome.receipt.name, outcome.receipt.reference) == ("invoice.created", "STP-1")
    assert load_json_object(outcome.receipt.body)["ref"] == "42"


def test_a_look_up_that_finds_nothing_lets_it_be_sent() -> None:
    outcome = settlement.answered(_claimed("lookup"), None)

    assert (outcome.state, outcome.receipt) == (CommandState.PENDING, None)


def test_what_the_vendor_took_on_is_polled_by_its_handle() -> None:
    outcome = settlement.answered(_claimed(), Accepted("job-9", poll_after_s=4))

    assert (outcome.state, outcome.handle, outcome.delay_s) == (CommandState.ACCEPTED, "job-9", 4)


@pytest.mark.parametrize("kind", ["execute", "lookup", "poll"])
def test_a_refusal_is_final_and_told_in_the_vendors_words(kind: str) -> None:
    outcome = settlement.failed(_claimed(kind), Rejected("no", code="period_closed", field="date"), capabilities=KEYED)

    assert outcome.state == CommandState.REJECTED
    assert outcome.receipt is not None
    assert load_json_object(outcome.receipt.body)["code"] == "period_closed"


def test_silence_is_never_failure_it_is_looked_up() -> None:
    outcome = settlement.failed(_claimed(), UnknownOutcome("silence"), capabilities=KEYED)

    assert (outcome.state, outcome.receipt) == (CommandState.UNKNOWN, None)


def test_a_system_without_keys_is_given_time_to_finish_before_it_is_asked() -> None:
    assert settlement.failed(_claimed(), UnknownOutcome("silence"), capabilities=SEARCHED).delay_s == 60
    assert settlement.failed(_claimed(), UnknownOutcome("silence"), capabilities=KEYED).delay_s == 1


def test_not_now_is_tried_again_no_sooner_than_the_vendor_wishes() -> None:
    outcome = settlement.failed(_claimed(), TransientFailure("busy", retry_after_s=90), capabilities=KEYED)

    assert outcome.state == CommandState.PENDING
    assert outcome.delay_s >= 90
    looked = settlement.failed(
        _claimed("lookup", lookups=1), TransientFailure("busy", retry_after_s=90), capabilities=KEYED
    )
    assert (looked.state, looked.delay_s >= 90) == (CommandState.UNKNOWN, True)


def test_after_the_last_attempt_a_person_hears_of_it() -> None:
    outcome = settlement.failed(_claimed(attempts=SEND.attempts), TransientFailure("busy"), capabilities=KEYED)

    assert outcome.state == CommandState.DEAD
    assert outcome.receipt is not None
    assert outcome.receipt.name == "command.dead"


def test_look_ups_that_stay_unanswered_end_as_an_unknown_outcome_not_as_a_failure() -> None:
    outcome = settlement.failed(
        _claimed("lookup", lookups=LOOKUP.attempts), TransientFailure("away"), capabilities=KEYED
    )

    assert outcome.state == CommandState.DEAD
    assert outcome.receipt is not None
    assert outcome.receipt.name == "command.unknown"


def test_a_read_whose_workers_died_is_not_asked_for_ever() -> None:
    read = _claimed("lookup", name="ReadInvoice", attempts=1, lookups=SEND.attempts)

    assert settlement.failed(read, TransientFailure("away"), capabilities=KEYED).state == CommandState.DEAD


def test_a_command_that_kills_every_worker_is_given_up() -> None:
    assert settlement.worn_out(_claimed("lookup", lookups=3)) is None

    spent = settlement.worn_out(_claimed("lookup", lookups=LOOKUP.attempts + SEND.attempts + 1))

    assert spent is not None
    assert spent.receipt is not None
    assert (spent.state, spent.receipt.name) == (CommandState.DEAD, "command.unknown")


def test_a_vendors_words_never_make_the_receipt_unreadable() -> None:
    failure = Rejected("bad \x00 word \ud800", code="x\x00", field="f", detail="\x00")

    outcome = settlement.failed(_claimed(), failure, capabilities=KEYED)

    assert outcome.receipt is not None
    assert "\x00" not in str(load_json_object(outcome.receipt.body))
    assert "\x00" not in outcome.detail


def test_the_breaker_counts_silence_and_not_refusals_or_throttling() -> None:
    def ended(failure: Failure) -> Any:
        return settlement.failed(_claimed(), failure, capabilities=KEYED)

    outcomes = [
        settlement.answered(_claimed(), Done()),
        ended(Rejected("no")),
        ended(UnknownOutcome("silence")),
        ended(TransientFailure("busy", code="throttled")),
        settlement.untried(_claimed()),
    ]

    assert settlement.tally(outcomes) == {"answered": 3, "silent": 1}


def test_pauses_grow_with_jitter_and_stay_below_the_cap() -> None:
    policy = RetryPolicy(attempts=5, first_s=1, factor=2, cap_s=10)

    for attempt, ceiling in ((1, 1), (2, 2), (3, 4), (9, 10)):
        delays = {policy.delay_s(attempt) for _ in range(50)}
        assert ceiling / 2 <= min(delays) <= max(delays) <= ceiling
        assert len(delays) > 1
    assert not policy.is_spent(4)
    assert policy.is_spent(5)
