"""Accounting periods: one a month, last year to next, each open or closed per subsidiary."""

from calendar import monthrange
from datetime import date

from apps.sandbox.clock import today
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR

KIND = "accountingPeriod"
STATES = ("open", "closing", "closed")


def period_id(year: int, month: int) -> str:
    """The same month has the same id on every start."""
    return str((year - 2000) * 12 + month)


def months_around(day: date) -> list[tuple[int, int]]:
    return [(year, month) for year in range(day.year - 1, day.year + 2) for month in range(1, 13)]


def seed_periods(ledger: Ledger) -> None:
    for year, month in months_around(today()):
        row_id = period_id(year, month)
        if ledger.get(VENDOR, KIND, row_id) is None:
            ledger.put(VENDOR, KIND, row_id, _new(row_id, date(year, month, 1)))


def state_of(period: Row, subsidiary: str) -> str:
    return str(period["states"].get(subsidiary, "open"))


def set_state(ledger: Ledger, *, period: str, subsidiary: str, state: str, subsidiaries: list[str]) -> Row:
    """`period` is YYYY-MM. Closed for every subsidiary means the period itself is closed. Raises ValueError."""
    if state not in STATES:
        raise ValueError(f"state: expected one of {', '.join(STATES)}, found {state!r}")
    try:
        day = date.fromisoformat(f"{period}-01")
    except ValueError as error:
        raise ValueError(f"period: expected YYYY-MM, found {period!r}") from error
    row_id = period_id(day.year, day.month)
    row = ledger.get(VENDOR, KIND, row_id) or _new(row_id, day)
    states = {**row["states"], subsidiary: state}
    closed = all(states.get(one) == "closed" for one in subsidiaries)
    # Payables are locked first: that lock alone means the period is closing.
    closing = all(states.get(one) in ("closing", "closed") for one in subsidiaries)
    marks = {"closed": closed, "arLocked": closed, "apLocked": closing}
    return ledger.put(VENDOR, KIND, row_id, {**row, "states": states, **marks})


def containing(ledger: Ledger, day: str) -> Row | None:
    found = date.fromisoformat(day)
    return ledger.get(VENDOR, KIND, period_id(found.year, found.month))


def _new(row_id: str, first: date) -> Row:
    last = first.replace(day=monthrange(first.year, first.month)[1])
    return {
        "id": row_id,
        "periodName": first.strftime("%b %Y"),
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "closed": False,
        "arLocked": False,
        "apLocked": False,
        "allLocked": False,
        "isAdjust": False,
        "isQuarter": False,
        "isYear": False,
        "states": {},
    }
