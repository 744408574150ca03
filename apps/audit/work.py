"""Work: what one transaction changes, gathered first and written with one statement per table."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from django.db import models

from apps.audit.chain import line_hash
from apps.audit.models import AuditLine
from apps.core import clock
from apps.core.actor import Actor
from apps.core.context import causation_id, correlation_id
from apps.core.sets import insert_rows, update_column, update_rows
from apps.core.states import Audited, StatefulModel

M = TypeVar("M", bound=models.Model)

# Columns that Work itself keeps; a change of them alone is no change.
_KEPT = {"version", "updated_at", "created_at"}


class Work:
    """Rows to create, rows to change, audit lines to append; `flush` writes them in the caller's transaction.

    Tracked rows are compared with what they held when tracked, so only columns that changed are written.
    A Work that is thrown away has changed nothing but objects in memory.
    """

    def __init__(self) -> None:
        self._tracked: dict[tuple[type[models.Model], Any], models.Model] = {}
        self._before: dict[tuple[type[models.Model], Any], dict[str, Any]] = {}
        self._created: dict[type[models.Model], list[models.Model]] = {}
        self._lines: list[AuditLine] = []
        self._paths: dict[tuple[type[models.Model], Any], list[str]] = {}

    def lock(self, model: type[M], pks: Iterable[Any]) -> dict[Any, M]:
        """Fresh rows by primary key, locked in primary-key order. One query; missing rows are missing.

        A row locked before by this Work is returned as it stands in memory.
        """
        wanted = sorted(set(pks))
        fresh = [pk for pk in wanted if (model, pk) not in self._tracked]
        if fresh:
            for row in model._default_manager.select_for_update().filter(pk__in=fresh).order_by("pk"):
                self.track(row)
        return {pk: cast(M, self._tracked[model, pk]) for pk in wanted if (model, pk) in self._tracked}

    def track(self, row: M) -> M:
        """Write this row's changes at `flush`. The caller has locked it."""
        key = (type(row), row.pk)
        self._tracked[key] = row
        self._before[key] = _remembered(row)
        return row

    def create(self, row: M, *, by: Actor, why: str = "", after: dict[str, Any] | None = None, at_story: str = "") -> M:
        """Insert `row` at `flush`; an audited row gets its first line."""
        self._created.setdefault(type(row), []).append(row)
        if isinstance(row, Audited):
            self.note(row, verb="create", by=by, why=why, after=after, target=getattr(row, "state", ""), story=at_story)
        return row

    def move(
        self,
        row: StatefulModel,
        transition: str,
        *,
        by: Actor,
        why: str = "",
        story: str = "",
        **arguments: Any,
    ) -> None:
        """Call the named transition of a tracked or created row and append its audit line.

        Raises django_fsm.TransitionNotAllowed; then the row is as it was.
        """
        source = row.state
        getattr(row, transition)(by=by, **arguments)
        self._paths.setdefault((type(row), row.pk), []).append(row.state)
        self.note(row, verb=transition, by=by, why=why, source=source, target=row.state, story=story)

    def note(
        self,
        row: Audited,
        *,
        verb: str,
        by: Actor,
        why: str = "",
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        source: str = "",
        target: str = "",
        story: str = "",
    ) -> None:
        """Append one audit line to the chain of `row`, which the caller holds. `story` is the correlation id."""
        line = AuditLine(
            subject_type=row._meta.model_name or "",
            subject_id=str(row.pk),
            seq=row.audit_seq + 1,
            verb=verb,
            source=source,
            target=target,
            before=before or {},
            after=after or {},
            by=by.key,
            why=why,
            at=clock.now(),
            correlation_id=story or correlation_id() or getattr(row, "correlation_id", ""),
            causation_id=causation_id(),
            previous_hash=row.audit_head,
        )
        line.hash = line_hash(row.audit_head, line.content())
        row.audit_seq, row.audit_head = line.seq, line.hash
        self._lines.append(line)

    def flush(self) -> None:
        """Write everything: inserts, then changes, then audit lines. May be called again; it then writes what is new."""
        for model, rows in self._created.items():
            _insert(model, rows)
        moved = self._write_paths()
        changed: dict[type[models.Model], list[tuple[models.Model, set[str]]]] = {}
        for key, row in self._tracked.items():
            names = _changes(self._before[key], row)
            if key in moved:
                names.add("state")  # it may be back where it was, and the database is a step behind
            if names:
                changed.setdefault(key[0], []).append((row, names))
        for model, pairs in changed.items():
            _write(model, pairs)
            for row, _ in pairs:
                self.track(row)
        insert_rows(AuditLine, self._lines)
        for rows in self._created.values():
            for row in rows:
                self.track(row)
        self._created, self._lines = {}, []

    def _write_paths(self) -> set[tuple[type[models.Model], Any]]:
        """Write the states rows only passed through, one statement per step: the database checks every single move.

        Returns the keys of rows that passed through any.
        """
        waves: dict[tuple[int, type[models.Model]], list[tuple[Any, str]]] = {}
        for (model, pk), states in self._paths.items():
            if (model, pk) in self._tracked:
                for number, state in enumerate(states[:-1]):
                    waves.setdefault((number, model), []).append((pk, state))
        for number, model in sorted(waves, key=lambda key: key[0]):
            update_column(model, waves[number, model], "state")
        self._paths = {}
        return {(model, pk) for (_, model), steps in waves.items() for pk, _ in steps}


def _insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    if isinstance(model._meta.pk, models.AutoField):
        model._default_manager.bulk_create(rows)  # these must learn their key
    else:
        insert_rows(model, rows)


def _write(model: type[models.Model], pairs: Sequence[tuple[models.Model, set[str]]]) -> None:
    rows = [row for row, _ in pairs]
    names = set().union(*(names for _, names in pairs))
    if issubclass(model, StatefulModel):
        at = clock.now()
        for row in cast(list[StatefulModel], rows):
            row.version += 1
            row.updated_at = at
        names |= {"version", "updated_at"}
    update_rows(model, rows, sorted(names))


def _remembered(row: models.Model) -> dict[str, Any]:
    """What a row holds now. JSON columns may be changed in place, so these are written down instead of referred to."""
    held = row.__dict__.copy()
    for name in _json_columns(type(row)):
        if name in held:
            held[name] = repr(held[name])
    return held


def _changes(before: dict[str, Any], row: models.Model) -> set[str]:
    now, json_columns, columns = row.__dict__, _json_columns(type(row)), _columns(type(row))
    written = {name for name in json_columns if name in now and before.get(name) != repr(now[name])}
    plain = {
        name
        for name in columns
        if name in now and (value := now[name]) is not (old := before.get(name)) and value != old
    }
    return written | plain


@cache
def _columns(model: type[models.Model]) -> tuple[str, ...]:
    names = (field.attname for field in model._meta.concrete_fields if not isinstance(field, models.JSONField))
    return tuple(name for name in names if name not in _KEPT)


@cache
def _json_columns(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields if isinstance(field, models.JSONField))
