"""Due times count business hours of the entity's country: no case falls due at night, on a Sunday or on a holiday."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.clock import CLOSES, OPENS, add_business_hours, is_business_day
from apps.exceptions.catalogue import KINDS

PLACES = st.sampled_from(
    [("DE", "Europe/Berlin"), ("US", "America/New_York"), ("GB", "Europe/London"), ("JP", "Asia/Tokyo"), ("", "UTC")]
)
INSTANTS = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
HOURS = st.sampled_from(sorted({kind.due_within_h for kind in KINDS.values()}))


@given(INSTANTS, HOURS, PLACES)
def test_a_case_falls_due_in_business_hours_of_a_business_day(start, hours, place):
    country, zone = place

    due = add_business_hours(start, hours, country=country, zone=zone).astimezone(ZoneInfo(zone))

    assert is_business_day(due.date(), country=country)
    assert OPENS < due.time() <= CLOSES


@given(INSTANTS, HOURS, PLACES)
def test_a_case_is_never_due_sooner_than_its_hours(start, hours, place):
    country, zone = place

    assert add_business_hours(start, hours, country=country, zone=zone) - start >= timedelta(hours=hours)


@given(INSTANTS, st.integers(1, 40), st.integers(1, 40), PLACES)
def test_waiting_twice_is_waiting_for_the_sum(start, first, second, place):
    country, zone = place

    once = add_business_hours(start, first + second, country=country, zone=zone)
    twice = add_business_hours(
        add_business_hours(start, first, country=country, zone=zone), second, country=country, zone=zone
    )

    assert once == twice


@given(INSTANTS, INSTANTS, HOURS, PLACES)
def test_what_was_opened_later_is_not_due_earlier(first, second, hours, place):
    country, zone = place
    early, late = sorted((first, second))

    assert add_business_hours(early, hours, country=country, zone=zone) <= add_business_hours(
        late, hours, country=country, zone=zone
    )


@pytest.mark.parametrize(
    ("start", "hours", "country", "zone", "due"),
    [
        ("2026-12-24T16:00+01:00", 4, "DE", "Europe/Berlin", "2026-12-28T12:00+01:00"),
        ("2026-11-25T12:00-05:00", 8, "US", "America/New_York", "2026-11-27T12:00-05:00"),
        ("2026-12-24T15:00+00:00", 4, "GB", "Europe/London", "2026-12-29T11:00+00:00"),
        ("2026-03-27T16:00+01:00", 2, "DE", "Europe/Berlin", "2026-03-30T10:00+02:00"),
    ],
    ids=["over Christmas", "over Thanksgiving", "over Boxing Day observed", "over the change of clocks"],
)
def test_holidays_and_the_change_of_clocks_are_counted_out(start, hours, country, zone, due):
    assert add_business_hours(
        datetime.fromisoformat(start), hours, country=country, zone=zone
    ) == datetime.fromisoformat(due)
