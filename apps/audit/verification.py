"""Proving the audit trail: every chain unbroken, every row at the end of its chain, every path of states possible."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.functions import Cast

from apps.audit.chain import START, line_hash
from apps.audit.models import AuditLine
from apps.core.states import Audited, StatefulModel, state_table

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the trail does not hold, and what is wrong there."""

    subject_type: str
    subject_id: str
    seq: int
    problem: str

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id}, line {self.seq}: {self.problem}"


@dataclass(slots=True)
class Count:
    """How much was looked at; grows while `breaks` is walked."""

    lines: int = 0
    chains: int = 0
    rows: int = 0


def breaks(count: Count, *, since: datetime | None = None) -> Iterator[Break]:
    """Every break, chains first, then rows. Memory stays flat: lines and rows are read in keyset batches.

    since: look only at chains that grew, and rows that changed, at or after this instant; such a chain is read
    from its first line all the same, for a hash covers everything before it.
    """
    tables = {_name(model): model for model in _audited_models()}
    for (kind, subject_id), chain in groupby(_lines(since), key=lambda line: (line.subject_type, line.subject_id)):
        count.chains += 1
        yield from _broken_chain(kind, subject_id, _counted(chain, count), tables.get(kind))
    for model in tables.values():
        yield from _rows_off_their_chain(model, count, since)


def _lines(since: datetime | None) -> Iterator[AuditLine]:
    """All lines by object and number, a batch at a time."""
    rows = AuditLine.objects.order_by("subject_type", "subject_id", "seq")
    if since is not None:
        grown = AuditLine.objects.filter(
            subject_type=models.OuterRef("subject_type"), subject_id=models.OuterRef("subject_id"), at__gte=since
        )
        rows = rows.filter(models.Exists(grown))
    last: AuditLine | None = None
    while batch := list(_after(rows, last)[:_BATCH]):
        yield from batch
        last = batch[-1]


def _after(rows: models.QuerySet[AuditLine], last: AuditLine | None) -> models.QuerySet[AuditLine]:
    if last is None:
        return rows
    # A row comparison is one step in the index; three OR-ed conditions would read from the start each time.
    return rows.extra(
        where=["(subject_type, subject_id, seq) > (%s, %s, %s)"], params=[last.subject_type, last.subject_id, last.seq]
    )


def _counted(chain: Iterable[AuditLine], count: Count) -> Iterator[AuditLine]:
    for line in chain:
        count.lines += 1
        yield line


def _broken_chain(
    kind: str, subject_id: str, chain: Iterable[AuditLine], model: type[Audited] | None
) -> Iterator[Break]:
    """The first break of one chain; what follows a break proves nothing."""
    moves = _moves(model)
    seq, head, state = 0, START, None
    for line in chain:
        if problem := _problem(line, seq=seq, head=head, state=state, moves=moves):
            yield Break(kind, subject_id, line.seq, problem)
            return
        seq, head = line.seq, line.hash
        state = line.target or state


def _problem(
    line: AuditLine, *, seq: int, head: str, state: str | None, moves: frozenset[tuple[str, str]] | None
) -> str:
    if line.seq != seq + 1:
        return f"line {seq + 1} is missing"
    if line.previous_hash != head:
        return "it does not follow from the line before it"
    if line.hash != line_hash(line.previous_hash, line.content()):
        return "its content is not what was written"
    if not line.source or moves is None:
        return ""
    if state is not None and line.source != state:
        return f"it starts from {line.source}, but the line before it ended in {state}"
    if (line.source, line.target) not in moves:
        return f"no transition leads from {line.source} to {line.target}"
    return ""


def _rows_off_their_chain(model: type[Audited], count: Count, since: datetime | None) -> Iterator[Break]:
    """Rows whose own word on the end of their chain, or whose state, is not what the last line says."""
    rows = _rows_with_ends(model)
    if since is not None and issubclass(model, StatefulModel):
        rows = rows.filter(updated_at__gte=since)
    last: Any = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:_BATCH]):
        for row in batch:
            count.rows += 1
            if problem := _row_problem(row):
                yield Break(_name(model), str(row["pk"]), row["audit_seq"], problem)
        last = batch[-1]["pk"]


def _rows_with_ends(model: type[Audited]) -> models.QuerySet[Any, dict[str, Any]]:
    """Rows beside the ends of their chains, in one statement: the two are of one instant, even while others write."""
    chain = AuditLine.objects.filter(
        subject_type=_name(model), subject_id=Cast(models.OuterRef("pk"), models.CharField())
    ).order_by("-seq")
    columns = ["pk", "audit_seq", "audit_head"] + (["state"] if issubclass(model, StatefulModel) else [])
    return (
        model._default_manager.order_by("pk")
        .values(*columns)
        .annotate(
            end=models.Subquery(chain.values("seq")[:1]),
            end_hash=models.Subquery(chain.values("hash")[:1]),
            left_in=models.Subquery(chain.exclude(target="").values("target")[:1]),
        )
    )


def _row_problem(row: dict[str, Any]) -> str:
    known, end, head = row["audit_seq"], row["end"] or 0, row["end_hash"] or START
    if known > end:
        return f"the row has {known} lines, its chain ends at {end}: the end was cut off"
    if known < end:
        return f"the chain has {end} lines, the row knows of {known}: a line was put in, or the row was put back"
    if row["audit_head"] != head:
        return "the last line is not the one the row was saved with"
    if row["left_in"] is not None and row.get("state", row["left_in"]) != row["left_in"]:
        return f"the row is {row['state']}, its last line left it {row['left_in']}"
    return ""


def _audited_models() -> list[type[Audited]]:
    return sorted((model for model in apps.get_models() if issubclass(model, Audited)), key=_name)


def _name(model: type[Audited]) -> str:
    return str(model._meta.model_name)


def _moves(model: type[Audited] | None) -> frozenset[tuple[str, str]] | None:
    if model is None or not issubclass(model, StatefulModel):
        return None
    return frozenset((source, target) for source, _, target in state_table(model))
