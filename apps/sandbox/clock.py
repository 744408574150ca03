"""The only reader of the clock in this room, and the two ways its vendors write an instant."""

from datetime import UTC, date, datetime


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    return now().date()


def now_ms() -> int:
    return int(now().timestamp() * 1000)


def iso_ms(moment: datetime | None = None) -> str:
    """2026-11-22T12:00:00.123Z, as HubSpot and CloudEvents print it."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def iso_s(moment: datetime | None = None) -> str:
    """2026-11-22T12:00:00Z, as NetSuite prints it."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")
