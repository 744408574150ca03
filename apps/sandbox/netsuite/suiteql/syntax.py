"""Reads a query into a tree. What is not understood is named, never guessed.

SELECT column|BUILTIN.DF(column)|TO_CHAR(column, 'format')|COUNT(*) [AS name], … FROM table [alias]
[WHERE conditions with =, <>, <, <=, >, >=, IN, LIKE, IS [NOT] NULL, AND, OR, NOT, parentheses, ?, TO_DATE, TO_TIMESTAMP]
[ORDER BY column [ASC|DESC], …] [FETCH FIRST n ROWS ONLY]
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)"
    r"|(?P<sign><>|!=|<=|>=|[=<>(),?*])|(?P<other>\S))"
)
_SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")


class SyntaxProblem(Exception):
    """The query is outside what is served; the text says where."""


@dataclass(frozen=True, slots=True)
class Column:
    """`form` is "", "df" (display name) or a TO_CHAR format."""

    name: str
    form: str = ""
    count: bool = False
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A literal, the n-th parameter, or either read as a date by `form`."""

    literal: str | None = None
    parameter: int = -1
    form: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    column: Column
    sign: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Conditions tied by AND or OR."""

    word: str
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = Compare | Both | Not


@dataclass(frozen=True, slots=True)
class Query:
    columns: tuple[Column, ...]
    table: str
    where: Condition | None
    order: tuple[tuple[Column, bool], ...]
    most: int | None
    parameters: int


def parse(text: str) -> Query:
    """Raises SyntaxProblem."""
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = [(m.lastgroup or "", m.group(m.lastgroup or 0)) for m in _TOKEN.finditer(text.strip())]
        self._at = 0
        self._parameters = 0

    def query(self) -> Query:
        self._need("SELECT")
        columns = self._comma_separated(self._selected)
        self._need("FROM")
        table = self._word().lower()
        if self._kind() == "word" and self._upper() not in ("WHERE", "ORDER", "FETCH"):
            self._take("AS")
            self._word()
        where = self._any() if self._take("WHERE") else None
        order: tuple[tuple[Column, bool], ...] = ()
        if self._take("ORDER"):
            self._need("BY")
            order = tuple(self._comma_separated(self._ordered))
        most = self._fetch() if self._take("FETCH") else None
        if self._at < len(self._tokens):
            raise SyntaxProblem(f"unexpected {self._tokens[self._at][1]!r}")
        return Query(tuple(columns), table, where, order, most, self._parameters)

    def _selected(self) -> Column:
        if self._upper() == "COUNT":
            self._at += 1
            for sign in ("(", "*", ")"):
                self._need(sign)
            column = Column("*", count=True)
        else:
            column = self._column()
        if self._take("AS"):
            return Column(column.name, column.form, column.count, self._word().lower())
        return column

    def _ordered(self) -> tuple[Column, bool]:
        column = self._column()
        descends = self._take("DESC")
        if not descends:
            self._take("ASC")
        return column, descends

    def _fetch(self) -> int:
        self._need("FIRST")
        kind, text = self._next()
        if kind != "number":
            raise SyntaxProblem(f"FETCH FIRST needs a number, found {text!r}")
        self._need("ROWS")
        self._need("ONLY")
        return int(text)

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._take("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Both("OR", tuple(parts))

    def _all(self) -> Condition:
        parts = [self._condition()]
        while self._take("AND"):
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else Both("AND", tuple(parts))

    def _condition(self) -> Condition:
        if self._take("NOT"):
            return Not(self._condition())
        if self._take("("):
            inner = self._any()
            self._need(")")
            return inner
        column = self._column()
        if self._take("IS"):
            negated = self._take("NOT")
            self._need("NULL")
            return Compare(column, "IS NOT NULL" if negated else "IS NULL", ())
        negated = self._take("NOT")
        if self._take("IN"):
            self._need("(")
            values = tuple(self._comma_separated(self._value))
            self._need(")")
            return _maybe_not(Compare(column, "IN", values), negated)
        if self._take("LIKE"):
            return _maybe_not(Compare(column, "LIKE", (self._value(),)), negated)
        _kind, sign = self._next()
        if sign not in _SIGNS:
            raise SyntaxProblem(f"expected a comparison after {column.name}, found {sign!r}")
        return Compare(column, "<>" if sign == "!=" else sign, (self._value(),))

    def _column(self) -> Column:
        word = self._word()
        upper = word.upper()
        if upper in ("BUILTIN.DF", "TO_CHAR"):
            self._need("(")
            name = self._bare(self._word())
            form = "df"
            if upper == "TO_CHAR":
                self._need(",")
                form = self._text()
            self._need(")")
            return Column(name, form)
        if self._peek("("):
            raise SyntaxProblem(f"function {word} is not served; known: BUILTIN.DF, TO_CHAR, COUNT(*)")
        return Column(self._bare(word))

    def _bare(self, word: str) -> str:
        """The column without its table's name or alias, which need not be checked with one table."""
        return word.lower().rsplit(".", 1)[-1]

    def _value(self) -> Value:
        kind, text = self._next()
        if kind == "text":
            return Value(literal=text[1:-1].replace("''", "'"))
        if kind == "number":
            return Value(literal=text)
        if text == "?":
            self._parameters += 1
            return Value(parameter=self._parameters - 1)
        if text.upper() in ("TO_DATE", "TO_TIMESTAMP"):
            self._need("(")
            inner = self._value()
            self._need(",")
            form = self._text()
            self._need(")")
            return Value(inner.literal, inner.parameter, form)
        raise SyntaxProblem(f"expected a value, found {text!r}")

    def _comma_separated(self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self._take(","):
            found.append(read())
        return found

    def _text(self) -> str:
        kind, text = self._next()
        if kind != "text":
            raise SyntaxProblem(f"expected a quoted text, found {text!r}")
        return text[1:-1]

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "word":
            raise SyntaxProblem(f"expected a name, found {text!r}")
        return text

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise SyntaxProblem("the query ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _upper(self) -> str:
        return self._tokens[self._at][1].upper() if self._at < len(self._tokens) else ""

    def _peek(self, word: str) -> bool:
        return self._upper() == word

    def _take(self, word: str) -> bool:
        if self._upper() != word:
            return False
        self._at += 1
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            found = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
            raise SyntaxProblem(f"expected {word}, found {found!r}")


def _maybe_not(condition: Condition, negated: bool) -> Condition:
    return Not(condition) if negated else condition
