"""Revenue lines always add up; due days follow the terms and the calendar."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.schedules import DueMilestone, PaymentTerms, due_date, month_end, on_milestone, straight_line
from apps.core.clock import is_business_day

days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
amounts = st.decimals(min_value=0, max_value=10**9, places=2)


@given(amounts, days, st.integers(0, 2000), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_straight_line_always_adds_up_and_covers_every_month(total, start, length, currency):
    end = start + timedelta(days=length)

    lines = straight_line(total, starts_on=start, ends_on=end, currency=currency)

    assert sum(one.amount for one in lines) == total
    months = [one.period for one in lines]
    assert months == sorted(set(months))
    assert months[0] == start.replace(day=1)
    assert months[-1] == end.replace(day=1)
    assert len(months) == (end.year - start.year) * 12 + end.month - start.month + 1


@given(
    st.lists(st.builds(DueMilestone, id=st.uuids().map(str), amount=amounts, due_on=st.none() | days), max_size=9), days
)
def test_revenue_on_milestones_adds_up_to_the_milestones(milestones, undated):
    lines = on_milestone(milestones, undated=undated)

    assert sum(one.amount for one in lines) == sum(one.amount for one in milestones)
    assert all(one.period.day == 1 for one in lines)


def test_straight_line_earns_by_the_day():
    lines = straight_line(Decimal(59), starts_on=date(2026, 1, 1), ends_on=date(2026, 2, 28), currency="EUR")

    assert [(one.period.month, one.amount) for one in lines] == [(1, Decimal(31)), (2, Decimal(28))]


def test_a_contract_cannot_end_before_it_starts():
    with pytest.raises(ValueError, match="before it starts"):
        straight_line(Decimal(1), starts_on=date(2026, 2, 1), ends_on=date(2026, 1, 1), currency="EUR")


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        (PaymentTerms(30), date(2026, 12, 21)),  # the 20th is a Sunday
        (PaymentTerms(30, rolls_to_business_day=False), date(2026, 12, 20)),
        (PaymentTerms(10, from_month_end=True), date(2026, 12, 10)),
        (PaymentTerms(25, from_month_end=True), date(2026, 12, 28)),  # Christmas, Boxing Day, Sunday
        (PaymentTerms(0), date(2026, 11, 20)),
    ],
)
def test_due_days_follow_terms_and_calendar(terms, due):
    assert due_date(date(2026, 11, 20), terms, country="DE") == due


@given(days, st.integers(0, 120), st.booleans())
def test_a_due_day_is_a_business_day_and_never_before_the_terms_end(day, net, from_month_end):
    due = due_date(day, PaymentTerms(net, from_month_end=from_month_end), country="GB")

    assert is_business_day(due, country="GB")
    assert due >= (month_end(day) if from_month_end else day) + timedelta(days=net)
