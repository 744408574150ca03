"""When money is due and when it is earned: revenue lines and due dates. Pure: no rows, no clock."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from apps.core.clock import add_business_days
from apps.core.money import split_amount


class RevenueMethod(StrEnum):
    """How the revenue of a project is spread over months."""

    ON_MILESTONE = "on_milestone"
    STRAIGHT_LINE = "straight_line"


@dataclass(frozen=True, slots=True)
class DueMilestone:
    """What a revenue plan needs to know of a milestone."""

    id: str
    amount: Decimal
    due_on: date | None


@dataclass(frozen=True, slots=True)
class PlannedRevenue:
    """Revenue of one month, given by its first day; `milestone_id` is empty where months earn and not milestones."""

    period: date
    amount: Decimal
    milestone_id: str = ""


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """When an invoice is to be paid.

    days:             net days after the invoice date, or after the end of its month with `from_month_end`.
    rolls_to_business_day: a due day that is none moves on to the next business day of the country.
    """

    days: int
    from_month_end: bool = False
    rolls_to_business_day: bool = True


def on_milestone(milestones: Sequence[DueMilestone], *, undated: date) -> list[PlannedRevenue]:
    """One line per milestone, in the month it is due; those without a date in the month of `undated`."""
    return [PlannedRevenue(month(one.due_on or undated), one.amount, one.id) for one in milestones]


def straight_line(total: Decimal, *, starts_on: date, ends_on: date, currency: str) -> list[PlannedRevenue]:
    """The same amount for every day of the contract, summed up by month; the residue of rounding in the last month."""
    if ends_on < starts_on:
        raise ValueError(f"the contract ends on {ends_on}, before it starts on {starts_on}")
    months = _months(starts_on, ends_on)
    days = [Decimal(_days_within(first, starts_on, ends_on)) for first in months]
    return [
        PlannedRevenue(first, part) for first, part in zip(months, split_amount(total, days, currency), strict=True)
    ]


def due_date(invoice_date: date, terms: PaymentTerms, *, country: str) -> date:
    """The day an invoice is to be paid, by the calendar of the legal entity's country."""
    start = month_end(invoice_date) if terms.from_month_end else invoice_date
    due = start + timedelta(days=terms.days)
    return add_business_days(due, 0, country=country) if terms.rolls_to_business_day else due


def month(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last day of its month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def _months(starts_on: date, ends_on: date) -> list[date]:
    count = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month + 1
    first = starts_on.year * 12 + starts_on.month - 1
    return [date((first + step) // 12, (first + step) % 12 + 1, 1) for step in range(count)]


def _days_within(first: date, starts_on: date, ends_on: date) -> int:
    return (min(month_end(first), ends_on) - max(first, starts_on)).days + 1
