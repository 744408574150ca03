"""NetSuite's SuiteQL rows and our words, inbound: queries and what their rows mean. Pure: no HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.canonical.billing import InvoiceStatus
from apps.core.errors import BadInput

INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS'
_STATES = {"A": "posted", "B": "paid", "D": "draft", "E": "draft", "V": "voided"}
_COLUMNS = (
    "id, type, tranid, externalid, status, currency, foreigntotal, foreignamountunpaid, taxtotal,"
    " TO_CHAR(trandate, 'YYYY-MM-DD') AS day,"
    f" TO_CHAR(lastmodifieddate, '{INSTANT}') AS modified"
)
Query = tuple[str, list[str]]


def invoice_by_id(ref: str) -> Query:
    return _select(_COLUMNS, "transaction", "type = 'CustInvc' AND id = ?"), [ref]


def invoice_by_key(key: str) -> Query:
    return _select(_COLUMNS, "transaction", "type = 'CustInvc' AND externalid = ?"), [key]


def credit_by_key(key: str) -> Query:
    return _select(_COLUMNS, "transaction", "type = 'CustCred' AND externalid = ?"), [key]


def credits_of(keys: Sequence[str], *, field: str) -> Query:
    """What credit memos took off these invoices; `field` is where a credit memo names its invoice."""
    where = f"type = 'CustCred' AND {field} IN ({_marks(keys)})"
    return _select(f"foreigntotal, {field} AS reference", "transaction", where), list(keys)


def invoices_since(instant: str, after_id: str) -> Query:
    """Our invoices that changed at or after an instant (UTC, whole seconds), by change and id: pages by key."""
    moment = f"TO_TIMESTAMP(?, '{INSTANT}')"
    later = f"(lastmodifieddate > {moment} OR (lastmodifieddate = {moment} AND id > ?))"
    where = f"type = 'CustInvc' AND externalid IS NOT NULL AND {later} ORDER BY lastmodifieddate, id"
    return _select(_COLUMNS, "transaction", where), [instant, instant, after_id]


def records_by_key(table: str, columns: str, keys: Sequence[str]) -> Query:
    return _select(f"id, externalid, {columns}", table, f"externalid IN ({_marks(keys)})"), list(keys)


def period_of(day: date) -> Query:
    """The posting periods a day lies in; quarters and years are no posting periods."""
    mark = "TO_DATE(?, 'YYYY-MM-DD')"
    where = f"startdate <= {mark} AND enddate >= {mark} AND isquarter = 'F' AND isyear = 'F' AND isadjust = 'F'"
    return _select("id, periodname, closed, arlocked, aplocked", "accountingperiod", where), [day.isoformat()] * 2


def receivables_lock(period_id: str, subsidiary_id: str) -> Query:
    """Whether one subsidiary has closed its receivables of a period."""
    where = "itemtype = 'PCP_LOCK_AR' AND period = ? AND subsidiary = ?"
    return _select("complete", "taskitemstatus", where), [period_id, subsidiary_id]


def period_state(period: Mapping[str, Any], locks: Iterable[Mapping[str, Any]]) -> str:
    """open, closing or closed, for receivables. Payables are locked first, so that lock alone means closing."""
    if (
        period.get("closed") == "T"
        or period.get("arlocked") == "T"
        or any(lock.get("complete") == "T" for lock in locks)
    ):
        return "closed"
    return "closing" if period.get("aplocked") == "T" else "open"


def to_invoice_status(row: Mapping[str, Any], *, currency: str, credited: Decimal = Decimal(0)) -> InvoiceStatus:
    """An invoice as it stands. NetSuite shows a credited invoice as paid, so what was credited is told beside it."""
    total, tax = abs(decimal(row, "foreigntotal")), abs(decimal(row, "taxtotal"))
    remaining = abs(decimal(row, "foreignamountunpaid"))
    state = _STATES.get(str(row.get("status")))
    if state is None:
        raise BadInput(
            f"invoice {row.get('id')}: status {str(row.get('status'))[:20]!r} is unknown",
            path="status",
            mend="Add the status.",
        )
    if state in ("posted", "paid"):
        state = _settled(total, remaining, credited)
    return InvoiceStatus(
        ref=text(row, "id"),
        key=text(row, "externalid"),
        number=text(row, "tranid"),
        state=state,
        currency=currency,
        net=total - tax,
        tax=tax,
        total=total,
        open_balance=Decimal(0) if state == "voided" else remaining,
        posted_on=day(row, "day") if state != "draft" else None,
        version=text(row, "modified"),
    )


def text(row: Mapping[str, Any], name: str) -> str:
    """A column as text; columns that hold nothing are left out of a row."""
    value = row.get(name)
    return "" if value is None else str(value)


def decimal(row: Mapping[str, Any], name: str) -> Decimal:
    """A column as an exact number, 0 when it holds nothing; raises BadInput."""
    value = row.get(name)
    if value is None or value == "":
        return Decimal(0)
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or isinstance(value, bool):
        raise _bad(row, name, value, "a number")
    return found


def day(row: Mapping[str, Any], name: str) -> date:
    """A column as a day; raises BadInput."""
    try:
        return date.fromisoformat(str(row.get(name))[:10])
    except ValueError as error:
        raise _bad(row, name, row.get(name), "a day (YYYY-MM-DD)") from error


def instant(row: Mapping[str, Any], name: str) -> datetime:
    """A column as an instant in UTC without zone, as the account's queries print it; raises BadInput."""
    try:
        return datetime.fromisoformat(str(row.get(name)))
    except ValueError as error:
        raise _bad(row, name, row.get(name), "an instant") from error


def _select(columns: str, table: str, where: str) -> str:
    # Only our own words and the checked name of a custom field are put in; every value is a parameter.
    return f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608  see above


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _settled(total: Decimal, remaining: Decimal, credited: Decimal) -> str:
    if remaining == total and total != 0:
        return "posted"
    if remaining > 0:
        return "partly_paid"
    return "credited" if credited >= total > 0 else "paid"


def _bad(row: Mapping[str, Any], name: str, value: Any, wanted: str) -> BadInput:
    return BadInput(
        f"NetSuite record {row.get('id')}: {name} {str(value)[:60]!r} is not {wanted}",
        path=name,
        mend="Correct the record, then replay.",
    )
