"""The only way to move a state: `locked` (one row) and `locked_all` (a set)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import transaction

from apps.audit.work import Work
from apps.core.actor import Actor
from apps.core.errors import Conflict
from apps.core.states import StatefulModel

S = TypeVar("S", bound=StatefulModel)


@contextmanager
def locked(model: type[S], pk: Any, *, by: Actor, why: str = "", expected_version: int | None = None) -> Iterator[S]:
    """Hold one row, let the caller move it, then save it and record what moved.

    by:  the Actor: a person, a saga or a system.
    expected_version: what the caller last saw; Conflict when the row has moved on since.
    Raises model.DoesNotExist and TransitionNotAllowed; then nothing is kept.
    The row inside the block is fresh. Do not use a copy read before it.
    """
    with locked_all(model, [pk], by=by, why=why) as rows:
        if pk not in rows:
            raise model.DoesNotExist(f"{model._meta.verbose_name} {pk} does not exist")
        if expected_version is not None and rows[pk].version != expected_version:
            raise Conflict(f"{pk} is at version {rows[pk].version}, you saw version {expected_version}")
        yield rows[pk]


@contextmanager
def locked_all(model: type[S], pks: Iterable[Any], *, by: Actor, why: str = "") -> Iterator[dict[Any, S]]:
    """Hold a set of rows in primary-key order, let the caller move them, then save and record what moved."""
    with transaction.atomic():
        work = Work()
        rows = work.lock(model, pks)
        before = {pk: row.state for pk, row in rows.items()}
        yield rows
        for pk, row in rows.items():
            if row.state != before[pk]:
                work.note(row, verb=f"to {row.state}", by=by, why=why, source=before[pk], target=row.state)
        work.flush()
