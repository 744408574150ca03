"""Streams: one worker at a time per object, fenced by a token, woken without a gap."""

import pytest
from django.db import connection

from apps.events import streams
from apps.events.models import Stream
from apps.events.streams import LeaseLost
from tests.faults.workers import let_time_pass

pytestmark = pytest.mark.django_db


def test_a_woken_stream_is_leased_by_one_worker_only() -> None:
    streams.wake(["deal:2", "deal:1", "deal:1"])

    first, second = streams.claim(limit=10), streams.claim(limit=10)

    assert sorted(lease.key for lease in first) == ["deal:1", "deal:2"]
    assert second == []


def test_the_longest_due_goes_first() -> None:
    streams.wake(["deal:old"])
    let_time_pass(60)
    streams.wake(["deal:new"])

    assert [lease.key for lease in streams.claim(limit=1)] == ["deal:old"]


def test_a_lease_that_ran_out_goes_to_the_next_with_a_higher_token() -> None:
    streams.wake(["deal:1"])
    (first,) = streams.claim(limit=1)
    let_time_pass(3600)

    (second,) = streams.claim(limit=1)

    assert second.token == first.token + 1
    with pytest.raises(LeaseLost) as lost:
        streams.release([first])
    assert lost.value.keys == {"deal:1"}


def test_a_stream_given_back_rests_until_it_is_woken() -> None:
    streams.wake(["deal:1"])
    streams.release(streams.claim(limit=1))

    assert streams.claim(limit=1) == []
    streams.wake(["deal:1"])
    assert len(streams.claim(limit=1)) == 1


def test_what_came_in_meanwhile_makes_it_due_again() -> None:
    streams.wake(["deal:1"])
    leases = streams.claim(limit=1)
    streams.wake(["deal:1"])
    streams.release(leases)

    assert len(streams.claim(limit=1)) == 1


def test_what_was_left_makes_it_due_again() -> None:
    streams.wake(["deal:1"])
    (lease,) = streams.claim(limit=1)
    lease.has_more = True
    streams.release([lease])

    assert len(streams.claim(limit=1)) == 1


def test_each_failure_doubles_the_pause_up_to_five_minutes() -> None:
    streams.wake(["deal:1"])
    pauses = []
    for _ in range(12):
        (lease,) = streams.claim(limit=1)
        lease.retry = True
        streams.release([lease])
        pauses.append(_due_in_s())
        let_time_pass(600)

    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 300


def test_a_success_forgets_the_failures() -> None:
    streams.wake(["deal:1"])
    (lease,) = streams.claim(limit=1)
    lease.retry = True
    streams.release([lease])
    let_time_pass(600)
    (lease,) = streams.claim(limit=1)
    streams.release([lease])

    assert Stream.objects.get().failures == 0


def test_the_position_is_kept_where_the_worker_left_it() -> None:
    streams.wake(["deal:1"])
    (lease,) = streams.claim(limit=1)
    lease.next_position = 7
    streams.release([lease])
    streams.wake(["deal:1"])

    assert streams.claim(limit=1)[0].next_position == 7


def _due_in_s() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT round(extract(epoch FROM due_at - clock_timestamp())) FROM events_stream")
        return int(cursor.fetchone()[0])
