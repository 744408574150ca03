"""Carries a query out over the ledger, by key or newest first where the conditions allow, else row by row."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.suiteql.syntax import (
    Both,
    Column,
    Compare,
    Condition,
    Not,
    Query,
    SyntaxProblem,
    Value,
    parse,
)
from apps.sandbox.netsuite.suiteql.tables import (
    TABLES,
    SqlColumn,
    SqlTable,
    by_key,
    column_of,
    display_name,
    newest_first,
    only_types,
    rows_of,
)

_TOKENS = (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH24", "%H"), ("MI", "%M"), ("SS", "%S"))
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
cached_parse = lru_cache(maxsize=256)(parse)
Test = Callable[[Row], bool]


class Run:
    """One query with its parameters."""

    def __init__(self, ledger: Ledger, query: Query, *, parameters: list[Any]) -> None:
        if query.table not in TABLES:
            raise SyntaxProblem(f"Record '{query.table}' was not found. Served: {', '.join(sorted(TABLES))}")
        if len(parameters) != query.parameters:
            raise SyntaxProblem(f"{query.parameters} parameters expected, {len(parameters)} given")
        self._ledger = ledger
        self._query = query
        self._parameters = parameters
        self._table: SqlTable = TABLES[query.table]

    def rows(self) -> list[dict[str, str]]:
        """Everything that fits, in order, as texts; absent values are left out."""
        query = self._query
        printers = [self._printer(column, number) for number, column in enumerate(query.columns, start=1)]
        test = self._test(query.where) if query.where is not None else None
        found = [row for row in self._candidates() if test is None or test(row)]
        if query.columns[0].count:
            return [{query.columns[0].alias or "expr1": str(len(found))}]
        for column, descends in reversed(query.order):
            found.sort(key=self._sort_key(column), reverse=descends)
        if query.most is not None:
            found = found[: query.most]
        return [{name: text for name, show in printers if (text := show(row)) is not None} for row in found]

    def _candidates(self) -> Iterable[Row]:
        where = self._query.where
        parts = where.parts if isinstance(where, Both) and where.word == "AND" else (where,)
        for part in parts:
            if isinstance(part, Compare) and part.column == Column("type") and part.sign in ("=", "IN"):
                kinds = {self._constant(value, "text") for value in part.values}
                self._table = only_types(self._table, kinds)
        for part in parts:
            if (
                isinstance(part, Compare)
                and part.sign in ("=", "IN")
                and part.column.name in ("id", "externalid")
                and self._table.sources
            ):
                values = [self._constant(value, "text") for value in part.values]
                return by_key(self._ledger, self._table, column=part.column.name, values=values)
        oldest = self._oldest(where) if where is not None and self._table.modified else None
        if oldest is None:
            return rows_of(self._ledger, self._table)
        return self._since(oldest)

    def _since(self, oldest: str) -> Iterable[Row]:
        for row in newest_first(self._ledger, self._table):
            if row[self._table.modified][:19] < oldest:
                return
            yield row

    def _oldest(self, where: Condition) -> str | None:
        """A moment before which no row can fit."""
        if isinstance(where, Compare) and where.column == Column("lastmodifieddate") and where.sign in (">", ">=", "="):
            return str(self._constant(where.values[0], "datetime"))
        if isinstance(where, Both):
            bounds = [self._oldest(part) for part in where.parts]
            known = [bound for bound in bounds if bound is not None]
            if where.word == "AND":
                return max(known, default=None)
            return min(known) if len(known) == len(bounds) else None
        return None

    def _test(self, where: Condition) -> Test:
        if isinstance(where, Not):
            inner = self._test(where.part)
            return lambda row: not inner(row)
        if isinstance(where, Both):
            tests = [self._test(part) for part in where.parts]
            if where.word == "AND":
                return lambda row: all(test(row) for test in tests)
            return lambda row: any(test(row) for test in tests)
        return self._compare(where)

    def _compare(self, where: Compare) -> Test:
        column = self._column(where.column)
        kind = "text" if where.column.form else column.kind
        read = self._reader(where.column, column, kind=kind)
        if where.sign in ("IS NULL", "IS NOT NULL"):
            return lambda row: (read(row) is None) is (where.sign == "IS NULL")
        values = [self._constant(value, kind) for value in where.values]
        if where.sign == "IN":
            wanted = set(values)
            return lambda row: read(row) in wanted
        if where.sign == "LIKE":
            pattern = re.compile(re.escape(str(values[0])).replace("%", ".*").replace("_", "."), re.DOTALL)
            return lambda row: (text := read(row)) is not None and pattern.fullmatch(str(text)) is not None
        compare = _COMPARE[where.sign]
        return lambda row: (value := read(row)) is not None and compare(value, values[0])

    def _column(self, column: Column) -> SqlColumn:
        found = column_of(self._table, column.name)
        if found is None:
            raise SyntaxProblem(f"Field '{column.name}' for record '{self._table.name}' was not found.")
        return found

    def _reader(self, column: Column, sql: SqlColumn, *, kind: str) -> Callable[[Row], Any]:
        if column.form:
            return self._shower(column, sql)
        return lambda row: None if (value := sql.read(row)) is None else _typed(value, kind)

    def _shower(self, column: Column, sql: SqlColumn) -> Callable[[Row], str | None]:
        if column.form == "df":
            if sql.display is not None:
                return sql.display
            return lambda row: _maybe_text(display_name(self._ledger, _raw(row, column.name) or sql.read(row)))
        if column.form:
            form = _python_format(column.form)
            return lambda row: None if (v := sql.read(row)) is None else _moment(str(v)).strftime(form)
        return lambda row: None if (v := sql.read(row)) is None else _printed(v, sql.kind)

    def _printer(self, column: Column, number: int) -> tuple[str, Callable[[Row], str | None]]:
        if column.count:
            return column.alias or f"expr{number}", lambda row: None
        name = column.alias or (f"expr{number}" if column.form else column.name)
        return name, self._shower(column, self._column(column))

    def _sort_key(self, column: Column) -> Callable[[Row], Any]:
        aliased = next((one for one in self._query.columns if one.alias == column.name), column)
        read = self._reader(Column(aliased.name), sql := self._column(Column(aliased.name)), kind=sql.kind)
        return lambda row: ((value := read(row)) is not None, value if value is not None else 0)

    def _constant(self, value: Value, kind: str) -> Any:
        raw = self._parameters[value.parameter] if value.parameter >= 0 else value.literal
        if value.form:
            try:
                return (
                    datetime.strptime(str(raw), _python_format(value.form))
                    .replace(tzinfo=UTC)
                    .strftime("%Y-%m-%dT%H:%M:%S")
                )
            except ValueError as error:
                raise SyntaxProblem(f"{raw!r} does not follow the format {value.form!r}") from error
        return str(raw) if kind == "text" else _typed(raw, kind)


def _typed(value: Any, kind: str) -> Any:
    try:
        if kind == "number":
            return Decimal(str(value))
        if kind in ("date", "datetime"):
            return _moment(str(value)).strftime("%Y-%m-%dT%H:%M:%S")
    except (InvalidOperation, ValueError) as error:
        raise SyntaxProblem(f"{value!r} is no {kind}") from error
    if kind == "bool":
        return "T" if value in (True, "T", "true") else "F"
    return str(value)


def _moment(text: str) -> datetime:
    """An ISO day or instant, or the account's M/D/YYYY."""
    if "/" in text:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)
    return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=UTC)


def _printed(value: Any, kind: str) -> str:
    if kind == "bool":
        return "T" if value else "F"
    if kind in ("date", "datetime"):
        moment = _moment(str(value))
        return f"{moment.month}/{moment.day}/{moment.year}"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


@lru_cache(maxsize=64)
def _python_format(form: str) -> str:
    made = form.replace('"', "").replace("%", "%%")
    for token, python in _TOKENS:
        made = made.replace(token, python)
    return made


def _raw(row: Row, column: str) -> Any:
    """The reference itself, for its name."""
    return next((v for name, v in row.items() if name.lower() == column and isinstance(v, dict)), None)


def _maybe_text(value: Any) -> str | None:
    return None if value is None else str(value)
