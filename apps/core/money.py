"""Money: an exact amount in one currency, rounded by that currency's minor unit, half-even."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pycountry
from babel import numbers

from apps.core.errors import BadInput

_PRECISION = 38


@functools.cache
def minor_units(currency: str) -> int:
    """Digits after the point for an ISO 4217 code; raises BadInput for a code that is none."""
    # The registry answers to lower case too; systems do not agree on what that means.
    if not currency.isupper() or pycountry.currencies.get(alpha_3=currency) is None:
        raise BadInput(
            f"{currency!r} is not an ISO 4217 currency code",
            path="currency",
            mend="Use a code such as EUR, USD or GBP.",
        )
    return numbers.get_currency_precision(currency)


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """`amount` in major units, rounded half-even to the minor unit of `currency`."""
    with localcontext(prec=_PRECISION):
        return amount.quantize(_quantum(minor_units(currency)), rounding=ROUND_HALF_EVEN)


def split_amount(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """`amount` shared by `weights`; the residue of rounding lands in the last part, so the parts add up to the whole."""
    total = sum(weights, Decimal(0))
    if not weights or total == 0:
        raise ValueError("weights must be present and not add up to zero")
    with localcontext(prec=_PRECISION):
        parts = [round_amount(amount * weight / total, currency) for weight in weights[:-1]]
    return [*parts, amount - sum(parts, Decimal(0))]


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in major units and its currency; adding two currencies is an error, never a conversion."""

    amount: Decimal
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def rounded(self) -> "Money":
        """The same money, rounded to the minor unit."""
        return Money(round_amount(self.amount, self.currency), self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return other.amount


def subtotals(monies: Iterable[Money]) -> list[Money]:
    """One sum per currency, in order of the code; different currencies are never added up."""
    sums: dict[str, Decimal] = {}
    for money in monies:
        sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
    return [Money(amount, currency) for currency, amount in sorted(sums.items())]


@functools.cache
def _quantum(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits)
