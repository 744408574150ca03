"""The tables SuiteQL sees and how their columns come out of records."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR

Getter = Callable[[Row], Any]
_CODES = {"Open": "A", "Paid In Full": "B", "Voided": "V", "Fully Applied": "B"}
_TYPES = {"invoice": "CustInvc", "creditMemo": "CustCred", "customerPayment": "CustPymt"}
_LABELS = {"CustInvc": "Invoice", "CustCred": "Credit Memo", "CustPymt": "Payment"}


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """kind: text, number, date, datetime or bool; `display` is what BUILTIN.DF prints."""

    read: Getter
    kind: str = "text"
    display: Getter | None = None


@dataclass(frozen=True, slots=True)
class SqlTable:
    name: str
    sources: tuple[str, ...]
    columns: dict[str, SqlColumn]
    modified: str = ""


def _plain(**kinds: str) -> dict[str, SqlColumn]:
    """kind="fieldName fieldName …": a column is the field's name in lower case; a reference gives its id."""
    made = {}
    for kind, names in kinds.items():
        for name in names.split():
            made[name.lower()] = SqlColumn(_field(name), kind)
    return made


def _field(name: str) -> Getter:
    def read(row: Row) -> Any:
        value = row.get(name)
        return value.get("id") if isinstance(value, dict) else value

    return read


def _kind_of(row: Row) -> str:
    if "payment" in row:
        return _TYPES["customerPayment"]
    return _TYPES["invoice"] if "amountRemaining" in row else _TYPES["creditMemo"]


def _status_code(row: Row) -> str:
    return _CODES.get(row["status"], "A")


def _status_text(row: Row) -> str:
    return f"{_LABELS[_kind_of(row)]} : {row['status']}"


_COMMON = _plain(text="externalId", datetime="lastModifiedDate createdDate", number="id")
_ENTITY = {**_COMMON, **_plain(text="entityId companyName", bool="isInactive", number="subsidiary currency parent")}
_TABLES = (
    SqlTable(
        "transaction",
        ("invoice", "creditMemo", "customerPayment"),
        {
            **_COMMON,
            **_plain(
                text="tranId memo otherRefNum", date="tranDate dueDate", number="entity currency postingPeriod taxTotal"
            ),
            "type": SqlColumn(_kind_of, display=lambda row: _LABELS[_kind_of(row)]),
            "recordtype": SqlColumn(lambda row: _LABELS[_kind_of(row)].lower().replace(" ", "")),
            "status": SqlColumn(_status_code, display=_status_text),
            "foreigntotal": SqlColumn(lambda row: row["total"], "number"),
            "foreignamountunpaid": SqlColumn(lambda row: row.get("amountRemaining"), "number"),
            "foreignamountpaid": SqlColumn(lambda row: row.get("amountPaid"), "number"),
            "voided": SqlColumn(lambda row: bool(row.get("voided")), "bool"),
        },
        modified="lastModifiedDate",
    ),
    SqlTable("customer", ("customer",), {**_ENTITY, **_plain(text="email")}, modified="lastModifiedDate"),
    SqlTable(
        "job",
        ("job",),
        {
            **_ENTITY,
            **_plain(date="startDate projectedEndDate endDate", number="jobPrice"),
            "customer": SqlColumn(_field("parent"), "number"),
            "entitystatus": SqlColumn(_field("entityStatus"), "number", lambda row: row["entityStatus"]["refName"]),
        },
        modified="lastModifiedDate",
    ),
    SqlTable(
        "projecttask",
        ("projectTask",),
        {**_COMMON, **_plain(text="title", number="project estimatedWork", date="startDate endDate")},
        modified="lastModifiedDate",
    ),
    SqlTable(
        "charge",
        ("charge",),
        {
            **_COMMON,
            **_plain(
                text="stage memo description",
                number="amount rate quantity billTo invoice currency",
                date="chargeDate billDate",
            ),
        },
        modified="lastModifiedDate",
    ),
    SqlTable(
        "billingschedule",
        ("billingSchedule",),
        {**_COMMON, **_plain(text="name scheduleType", bool="isInactive", number="project")},
        modified="lastModifiedDate",
    ),
    SqlTable(
        "subsidiary", ("subsidiary",), {**_COMMON, **_plain(text="name country", bool="isInactive", number="currency")}
    ),
    SqlTable("currency", ("currency",), {**_COMMON, **_plain(text="name symbol", bool="isInactive")}),
    SqlTable("item", ("serviceSaleItem",), {**_COMMON, **_plain(text="itemId displayName", bool="isInactive")}),
    SqlTable("term", ("terms",), {**_COMMON, **_plain(text="name", number="daysUntilNetDue", bool="isInactive")}),
    SqlTable(
        "accountingperiod",
        ("accountingPeriod",),
        {
            **_COMMON,
            **_plain(
                text="periodName",
                date="startDate endDate",
                bool="closed arLocked apLocked allLocked isAdjust isQuarter isYear",
            ),
        },
    ),
    SqlTable(
        "taskitemstatus",
        (),
        {**_plain(text="itemtype", number="period subsidiary"), "complete": SqlColumn(_field("complete"), "bool")},
    ),
)
TABLES = {table.name: table for table in _TABLES}


def column_of(table: SqlTable, name: str) -> SqlColumn | None:
    """A known column, or a custom field of the record."""
    found = table.columns.get(name)
    if found is None and name.startswith("cust"):
        return SqlColumn(_field(name))
    return found


def only_types(table: SqlTable, types: set[str]) -> SqlTable:
    """The table without the records that cannot be of these transaction types."""
    return replace(table, sources=tuple(source for source in table.sources if _TYPES.get(source, source) in types))


def rows_of(ledger: Ledger, table: SqlTable) -> Iterator[Row]:
    if table.name == "taskitemstatus":
        yield from _period_tasks(ledger)
        return
    for source in table.sources:
        yield from ledger.table(VENDOR, source).rows.values()


def newest_first(ledger: Ledger, table: SqlTable) -> Iterable[Row]:
    """Rows by last change, latest first; only for tables that have `modified`."""
    sources = [ledger.table(VENDOR, source).newest_first() for source in table.sources]
    if len(sources) == 1:
        return sources[0]
    return heapq.merge(*sources, key=lambda row: row[table.modified], reverse=True)


def by_key(ledger: Ledger, table: SqlTable, *, column: str, values: Iterable[str]) -> Iterator[Row]:
    """Rows by id or external id without a scan."""
    wanted = list(dict.fromkeys(values))
    for source in table.sources:
        found = ledger.table(VENDOR, source)
        for value in wanted:
            row = found.rows.get(value) if column == "id" else found.find(value)
            if row is not None:
                yield row


def display_name(ledger: Ledger, value: Any) -> str | None:
    """The name behind a reference."""
    if not isinstance(value, dict) or "type" not in value:
        return value.get("refName") or value.get("id") if isinstance(value, dict) else value
    row = ledger.get(VENDOR, value["type"], value["id"])
    return None if row is None else name_of(row)


def name_of(row: Row) -> str:
    for field in ("companyName", "periodName", "symbol", "itemId", "title", "tranId", "name"):
        if row.get(field):
            return str(row[field])
    return str(row.get("externalId") or row["id"])


def _period_tasks(ledger: Ledger) -> Iterator[Row]:
    """The closing tasks of each period and subsidiary: receivables and payables locked or not."""
    subsidiaries = list(ledger.table(VENDOR, "subsidiary").rows)
    for period in ledger.table(VENDOR, "accountingPeriod").rows.values():
        for subsidiary in subsidiaries:
            state = period["states"].get(subsidiary, "open")
            place = {"period": period["id"], "subsidiary": subsidiary}
            yield {**place, "itemtype": "PCP_LOCK_AR", "complete": state == "closed"}
            yield {**place, "itemtype": "PCP_LOCK_AP", "complete": state != "open"}
