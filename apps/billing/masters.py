"""The demo company's fiscal periods and the names of its values in the ERPs, as plain rows."""

from datetime import date

from apps.billing.models import FiscalPeriod
from apps.billing.schedules import month_end
from apps.billing.states import PeriodState

# system, entity (empty: all), kind, our value, the system's value
VALUE_NAMES = (
    ("netsuite", "", "legal_entity", "US-01", "1"),
    ("netsuite", "", "legal_entity", "UK-01", "2"),
    ("netsuite", "", "currency", "USD", "1"),
    ("netsuite", "", "currency", "GBP", "2"),
    ("netsuite", "", "currency", "EUR", "4"),
    ("netsuite", "", "service_line", "ADVISORY", "101"),
    ("netsuite", "", "service_line", "IMPLEMENTATION", "102"),
    ("netsuite", "", "service_line", "MANAGED", "103"),
)


def periods(entity: str, *, today: date) -> list[FiscalPeriod]:
    """The months of last, this and next year: those that are over are closed, the others open. `today`: in the entity's zone."""
    starts = [date(year, month, 1) for year in range(today.year - 1, today.year + 2) for month in range(1, 13)]
    return [_period(entity, first, is_over=month_end(first) < today) for first in starts]


def _period(entity: str, first: date, *, is_over: bool) -> FiscalPeriod:
    state = PeriodState.CLOSED if is_over else PeriodState.OPEN
    return FiscalPeriod(legal_entity_id=entity, starts_on=first, ends_on=month_end(first), state=state)
