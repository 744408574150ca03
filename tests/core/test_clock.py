"""Business time: hours of business days, in the zone and by the holidays of a country."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.clock import add_business_days, add_business_hours, is_business_day


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ((2026, 11, 20, 8, 0), 4, (2026, 11, 20, 12, 0)),  # Friday 09:00 in Berlin
        ((2026, 11, 20, 14, 0), 4, (2026, 11, 23, 10, 0)),  # one hour on Friday, three on Monday
        ((2026, 11, 21, 12, 0), 8, (2026, 11, 23, 16, 0)),  # found on Saturday
        ((2026, 12, 23, 8, 0), 16, (2026, 12, 24, 16, 0)),  # the day before Christmas is a business day
        ((2026, 12, 24, 8, 0), 9, (2026, 12, 28, 9, 0)),  # Christmas, Boxing Day and a Sunday in between
    ],
)
def test_due_times_count_business_hours(start, hours, due):
    found = add_business_hours(datetime(*start, tzinfo=UTC), hours, country="DE", zone="Europe/Berlin")

    assert found == datetime(*due, tzinfo=UTC)


def test_a_country_nobody_knows_has_weekends_and_no_holidays():
    assert is_business_day(date(2026, 12, 25), country="XX")
    assert not is_business_day(date(2026, 12, 26), country="XX")


def test_no_business_day_on_rolls_to_the_next_one():
    assert add_business_days(date(2026, 12, 25), 0, country="DE") == date(2026, 12, 28)
    assert add_business_days(date(2026, 12, 24), 1, country="DE") == date(2026, 12, 28)


@given(st.integers(0, 365 * 24 * 60), st.integers(0, 80))
def test_a_due_time_is_never_before_its_start_and_lies_in_business_hours(minutes, hours):
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    due = add_business_hours(begin, hours, country="GB", zone="Europe/London")

    assert due >= begin
    assert is_business_day(due.date(), country="GB")
    assert add_business_hours(begin, hours + 1, country="GB", zone="Europe/London") > due
