"""Money: rounded by its currency, never added across currencies, never a float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import BadInput
from apps.core.money import Money, minor_units, round_amount, split_amount, subtotals


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("1.005", "EUR", "1.00"),
        ("1.015", "EUR", "1.02"),
        ("2.5", "JPY", "2"),
        ("3.5", "JPY", "4"),
        ("1.0005", "KWD", "1.000"),
        ("-1.005", "EUR", "-1.00"),
    ],
)
def test_amounts_are_rounded_half_even_to_the_minor_unit(amount, currency, rounded):
    assert str(round_amount(Decimal(amount), currency)) == rounded


@pytest.mark.parametrize("code", ["XXQ", "eur", "", "EURO", "E\x00R"])
def test_an_unknown_currency_is_refused_with_a_mend(code):
    with pytest.raises(BadInput) as refused:
        minor_units(code)

    assert refused.value.path == "currency"
    assert refused.value.mend


def test_three_thirds_of_a_hundred_are_a_hundred():
    thirds = [Decimal(1)] * 3

    assert split_amount(Decimal(100), thirds, "EUR") == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]


def test_weights_of_nothing_cannot_split_anything():
    with pytest.raises(ValueError, match="weights"):
        split_amount(Decimal(1), [], "EUR")
    with pytest.raises(ValueError, match="weights"):
        split_amount(Decimal(1), [Decimal(0)], "EUR")


def test_two_currencies_are_never_added():
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")


monies = st.builds(
    Money, st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.sampled_from(["EUR", "USD", "GBP"])
)


@given(st.lists(monies, max_size=20))
def test_subtotals_keep_currencies_apart_and_lose_nothing(amounts):
    sums = subtotals(amounts)

    assert [one.currency for one in sums] == sorted({one.currency for one in amounts})
    for one in sums:
        assert one.amount == sum(money.amount for money in amounts if money.currency == one.currency)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_rounding_twice_is_rounding_once(amount, currency):
    once = round_amount(amount, currency)

    assert round_amount(once, currency) == once
    assert abs(once - amount) <= Decimal(1).scaleb(-minor_units(currency)) / 2
