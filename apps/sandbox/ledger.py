"""What was really created, how often and under which key: rows in memory, every change in a log before the answer."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from apps.sandbox.clock import iso_ms
from apps.sandbox.errors import LedgerUnusable

Row = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """How often one key was really created, changed and removed. Two ids under one key are a duplicate."""

    creations: int = 0
    updates: int = 0
    deletions: int = 0
    created_at: str = ""
    ids: list[str] = field(default_factory=list)
    by: str = "key"


@dataclass(slots=True)
class Table:
    """The rows of one kind, least recently touched first, and who holds which key."""

    rows: dict[str, Row] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    key_of: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def find(self, key: str) -> Row | None:
        """The row that holds this external key now."""
        found = self.keys.get(key)
        return None if found is None else self.rows[found]

    def newest_first(self) -> Iterator[Row]:
        return reversed(self.rows.values())


class Ledger:
    """An append-only log and the tables it adds up to.

    `flush` hands the changes of one call to the kernel in one write, before the call is answered: they outlive a kill
    of this process at any moment (not a power cut; there is no fsync). A line torn by the kill was never answered and
    is cut off at the next start.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.tables: dict[tuple[str, str], Table] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._pending: list[bytes] = []
        self._file = _held(self.path)
        self._load()

    def table(self, vendor: str, kind: str) -> Table:
        table = self.tables.get((vendor, kind))
        if table is None:
            table = self.tables[vendor, kind] = Table()
        return table

    def get(self, vendor: str, kind: str, row_id: str) -> Row | None:
        return self.table(vendor, kind).rows.get(row_id)

    def next_id(self, vendor: str, sequence: str, *, start: int) -> str:
        """A fresh number as text; ids of removed rows are not given out again."""
        number = max(self._sequences.get((vendor, sequence), start - 1) + 1, start)
        self._sequences[vendor, sequence] = number
        self._pending.append(to_json({"s": [vendor, sequence, number]}))
        return str(number)

    def put(
        self, vendor: str, kind: str, row_id: str, body: Row, *, key: str | None = None, business: Iterable[str] = ()
    ) -> Row:
        """Store a row as it is now. It is counted under its key (or its id) and under each business key."""
        operation = "u" if row_id in self.table(vendor, kind).rows else "c"
        entry: Row = {
            "v": vendor,
            "k": kind,
            "i": row_id,
            "o": operation,
            "t": iso_ms(),
            "x": key,
            "b": tuple(business),
        }
        entry["d"] = body
        self._apply(entry)
        self._pending.append(to_json(entry))
        return body

    def drop(self, vendor: str, kind: str, row_id: str) -> None:
        entry = {"v": vendor, "k": kind, "i": row_id, "o": "d", "t": iso_ms(), "x": None, "b": (), "d": None}
        self._apply(entry)
        self._pending.append(to_json(entry))

    def flush(self) -> None:
        """Write what changed; to be called before the answer leaves."""
        if not self._pending:
            return
        data = memoryview(b"\n".join(self._pending) + b"\n")
        self._pending.clear()
        while data:
            data = data[os.write(self._file, data) :]

    def reset(self) -> None:
        """Forget everything, on disk too."""
        self._pending.clear()
        self.tables.clear()
        self._sequences.clear()
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        self.flush()
        os.close(self._file)

    def _apply(self, entry: Row) -> None:
        table = self.table(entry["v"], entry["k"])
        row_id = entry["i"]
        before = table.key_of.get(row_id)
        if entry["o"] == "d":
            table.rows.pop(row_id, None)
            table.key_of.pop(row_id, None)
            key, business = before or (row_id, ())
            if table.keys.get(key) == row_id:
                del table.keys[key]
        else:
            table.rows.pop(row_id, None)
            table.rows[row_id] = entry["d"]
            key, business = entry["x"] or row_id, tuple(entry["b"])
            if before is not None and before[0] != key and table.keys.get(before[0]) == row_id:
                del table.keys[before[0]]
            if entry["x"]:
                table.keys[key] = row_id
            table.key_of[row_id] = (key, business)
        if entry["k"][0] != "_":
            known = () if before is None else (before[0], *before[1])
            _count(table, entry, key=key, by="key", known=known)
            for name in business:
                _count(table, entry, key=name, by="business", known=known)

    def _load(self) -> None:
        whole = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._replay(from_json(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise LedgerUnusable(f"sandbox: {self.path} line {number} is damaged; move it away") from error
                whole += len(line)
        os.ftruncate(self._file, whole)

    def _replay(self, entry: Row) -> None:
        if "s" in entry:
            vendor, sequence, number = entry["s"]
            self._sequences[vendor, sequence] = number
        else:
            self._apply(entry)


def refuse_held(path: str | os.PathLike[str]) -> None:
    """Raises LedgerUnusable when the ledger cannot be opened or another process holds it."""
    os.close(_held(Path(path)))


def _held(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise LedgerUnusable(f"sandbox: cannot open the ledger {path}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise LedgerUnusable(f"sandbox: another process holds the ledger {path}; stop it first") from error
    return file


def _count(table: Table, entry: Row, *, key: str, by: str, known: tuple[str, ...]) -> None:
    """A row that takes a key only later is a creation under that key then."""
    tally = table.tallies.get(key)
    if tally is None:
        tally = table.tallies[key] = Tally(by=by)
    if entry["o"] == "c" or (entry["o"] == "u" and key not in known):
        tally.creations += 1
        tally.created_at = tally.created_at or entry["t"]
        tally.ids.append(entry["i"])
    elif entry["o"] == "u":
        tally.updates += 1
    else:
        tally.deletions += 1
