"""The inbox: everything from outside is stored raw and once, and settled in the order of its stream."""

from datetime import UTC, datetime

import pytest

from apps.connectors.base import RawEvent
from apps.events import inbox, streams
from apps.events.models import InboxEvent, Stream
from apps.events.states import EventState
from apps.events.watch import wake_forgotten

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def _raw(external_id: str, *, subject: str = "deal:1", body: bytes = b"{}") -> RawEvent:
    return RawEvent(external_id=external_id, subject=subject, occurred_at=AT, body=body)


def test_an_event_sent_again_is_stored_once() -> None:
    assert inbox.accept([_raw("a"), _raw("b")], system="hubspot") == 2
    assert inbox.accept([_raw("a"), _raw("c")], system="hubspot") == 1
    assert inbox.accept([_raw("a")], system="psa") == 1

    assert InboxEvent.objects.count() == 4


def test_the_same_event_twice_in_one_request_is_new_once() -> None:
    assert inbox.accept([_raw("a"), _raw("a")], system="hubspot") == 1


def test_of_two_requests_in_one_set_the_first_brings_what_both_have() -> None:
    assert inbox.accept_all([("psa", [_raw("a"), _raw("b")], ""), ("psa", [_raw("b")], "")]) == [2, 0]


def test_what_is_stored_makes_its_stream_due_and_repeats_do_not() -> None:
    inbox.accept([_raw("a")], system="hubspot")
    streams.release(streams.claim(limit=5))

    inbox.accept([_raw("a")], system="hubspot")

    assert Stream.objects.get().due_at is None


def test_the_bytes_are_kept_as_they_came() -> None:
    body = b'{"odd":  "\xff\x00 spacing"}'
    inbox.accept([_raw("a", body=body)], system="hubspot")

    assert bytes(InboxEvent.objects.get().body) == body


def test_events_get_positions_without_gaps_in_the_order_they_came() -> None:
    inbox.accept([_raw("a"), _raw("b"), _raw("c")], system="hubspot")
    for wanted in ([1, 2, 3], []):
        leases = {lease.key: lease for lease in streams.claim(limit=5)}
        events = inbox.waiting(list(leases.values()))
        for event in events:
            event.state = EventState.APPLIED
        inbox.settle(events, leases)
        streams.release(list(leases.values()))
        assert [event.position for event in events] == wanted

    assert list(InboxEvent.objects.order_by("id").values_list("external_id", "position")) == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
    ]


def test_a_set_holds_no_more_than_it_may_and_says_that_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_EVENTS", 2)
    inbox.accept([_raw("a"), _raw("b"), _raw("c")], system="hubspot")
    leases = streams.claim(limit=5)

    assert [event.external_id for event in inbox.waiting(leases)] == ["a", "b"]
    assert leases[0].has_more


def test_one_large_body_fills_a_set_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_BYTES", 100)
    inbox.accept([_raw("a", body=b"x" * 500), _raw("b")], system="hubspot")
    leases = streams.claim(limit=5)

    assert [event.external_id for event in inbox.waiting(leases)] == ["a"]
    assert leases[0].has_more


def test_a_dead_event_read_again_is_the_newest_of_its_stream_and_names_the_dead_one() -> None:
    inbox.accept([_raw("a" * 150)], system="hubspot")
    dead = InboxEvent.objects.get()

    inbox.store([inbox.replay_of(dead)])

    again = InboxEvent.objects.latest("id")
    assert inbox.is_replay(again)
    assert not inbox.is_replay(dead)
    assert (again.causation_id, again.body, again.stream_key) == (f"EVT-{dead.pk}", dead.body, dead.stream_key)


def test_an_event_whose_stream_fell_asleep_is_found_and_woken() -> None:
    inbox.accept([_raw("a")], system="hubspot")
    Stream.objects.update(due_at=None)

    assert wake_forgotten(older_than_s=-1) == 1
    assert wake_forgotten(older_than_s=-1) == 0
    assert len(streams.claim(limit=5)) == 1
