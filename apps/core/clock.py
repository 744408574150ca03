"""The only reader of the clock, and business time: due times count business hours of a country."""

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

OPENS, CLOSES = time(9), time(17)
_MAX_DAYS_AHEAD = 3660


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)


def today(zone: str) -> date:
    """The present day in a legal entity's zone: accounting dates are dates there, not instants."""
    return now().astimezone(ZoneInfo(zone)).date()


def is_business_day(day: date, *, country: str) -> bool:
    """Neither weekend nor public holiday in `country` (ISO 3166 alpha-2; unknown countries have no holidays)."""
    return day.weekday() < 5 and day not in _holidays(country)


def add_business_hours(start: datetime, hours: float, *, country: str, zone: str) -> datetime:
    """The instant (UTC) `hours` business hours after `start`, counted 09:00-17:00 local on business days."""
    local = start.astimezone(ZoneInfo(zone))
    left = timedelta(hours=hours)
    for _ in range(_MAX_DAYS_AHEAD):
        opens = datetime.combine(local.date(), OPENS, tzinfo=ZoneInfo(zone))
        closes = datetime.combine(local.date(), CLOSES, tzinfo=ZoneInfo(zone))
        begin = max(local, opens)
        if is_business_day(local.date(), country=country) and begin < closes:
            if left <= closes - begin:
                return (begin + left).astimezone(UTC)
            left -= closes - begin
        local = opens + timedelta(days=1)
    raise ValueError(f"{hours} business hours lie more than ten years ahead")


def add_business_days(day: date, days: int, *, country: str) -> date:
    """The business day `days` business days after `day`; 0 rolls forward to the next business day."""
    current = day
    while not is_business_day(current, country=country):
        current += timedelta(days=1)
    for _ in range(days):
        current += timedelta(days=1)
        while not is_business_day(current, country=country):
            current += timedelta(days=1)
    return current


@functools.cache
def _holidays(country: str) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        return holidays.HolidayBase()
