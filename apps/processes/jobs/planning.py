"""A job is planned: one decision on a frozen selection of cases, each looked at before anything is done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from apps.access.models import User
from apps.access.policy import require
from apps.audit.work import Work
from apps.core import clock
from apps.core.errors import BadInput
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import visible_cases
from apps.processes.decisions.definition import Decision
from apps.processes.decisions.inputs import checked
from apps.processes.decisions.on_step import look_ahead
from apps.processes.decisions.registry import DECISIONS, why_not
from apps.processes.models import Job, JobItem, ProcessStep
from apps.processes.states import ItemState

MOST = 2000
# Customers before contracts before projects before what is billed on them.
_RANKS = {"account": 0, "contract": 1, "project": 2, "billingmilestone": 3}
_LAST_RANK = 4


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of a job's summary: how many items are in a state, and the money behind them by currency."""

    state: str
    items: int
    money: tuple[Money, ...]


def plan(
    cases: Collection[int],
    *,
    decision: str,
    by: User,
    why: str = "",
    inputs: Mapping[str, str] | None = None,
    fingerprint: str = "",
    title: str = "",
) -> Job:
    """Freeze the selection and say of each case whether the decision can be taken on it, and why not.

    Nothing is decided yet. Raises NotAllowed without ``replay.bulk``, BadInput for a decision that is not for
    groups, an input that cannot be, or a selection that is empty or too large.
    """
    require(by, "replay.bulk")
    chosen = _for_groups(decision)
    rows = list(visible_cases(by).filter(pk__in=cases).order_by("pk")[: MOST + 1])
    if not rows or len(rows) > MOST:
        raise BadInput(f"{len(rows)} cases are selected", path="cases", mend=f"Select 1 to {MOST} cases.")
    if chosen.needs_why and not why.strip():
        raise BadInput("a reason is needed", path="why", mend="Say why, for the audit trail.")
    steps = ProcessStep.objects.in_bulk([row.reference for row in rows])
    look_ahead(list(steps.values()))
    reasons = {row.pk: why_not(chosen, row, steps.get(row.reference), by) for row in rows}
    _check_inputs(chosen, [row for row in rows if not reasons[row.pk]], steps, inputs or {})
    with transaction.atomic():
        job = Job.objects.create(
            decision=decision,
            fingerprint=fingerprint,
            title=(title or rows[0].title)[:160],
            inputs=dict(inputs or {}),
            why=why.strip(),
            by=by.actor.key,
            planned_at=clock.now(),
        )
        JobItem.objects.bulk_create([_item(job, row, reasons[row.pk], chosen) for row in rows])
        note(job, verb="plan", by=by, why=why, after={"decision": decision, "cases": [row.pk for row in rows]})
    return job


def note(job: Job, *, verb: str, by: User, why: str = "", after: dict[str, Any] | None = None) -> None:
    """One audit line on a job the caller holds; written at once, with the job's own changes."""
    work = Work()
    work.track(job)
    work.note(job, verb=verb, by=by.actor, why=why, after=after)
    work.flush()


def tallies(job: Job) -> list[Tally]:
    """The job's items by state, with their money; currencies are never added up. Two queries."""
    money: dict[str, list[Money]] = {}
    sums = job.items.filter(amount__isnull=False).order_by("currency").values_list("state", "currency")
    for state, currency, amount in sums.annotate(Sum("amount")):
        money.setdefault(state, []).append(Money(amount, currency))
    counts = dict(job.items.order_by().values_list("state").annotate(Count("id")))
    return [Tally(state, counts[state], tuple(money.get(state, ()))) for state in ItemState.values if state in counts]


def _for_groups(name: str) -> Decision:
    decision = DECISIONS.get(name)
    if decision is None or not decision.in_groups:
        possible = ", ".join(each.name for each in DECISIONS.values() if each.in_groups)
        raise BadInput(f"{name!r} is not a decision for many cases", path="decision", mend=f"Choose {possible}.")
    return decision


def _check_inputs(
    decision: Decision, rows: Sequence[ExceptionCase], steps: Mapping[str, ProcessStep], given: Mapping[str, str]
) -> None:
    """What is wrong for the first case is said now; what is wrong for another alone is that item's own failure."""
    if rows:
        checked(decision.inputs(rows[0], steps.get(rows[0].reference)), given)


def _item(job: Job, case: ExceptionCase, reason: str, decision: Decision) -> JobItem:
    return JobItem(
        job=job,
        case=case,
        state=ItemState.SKIPPED if reason else ItemState.PLANNED,
        rank=_RANKS.get(case.subject_type, _LAST_RANK),
        stream_key=case.stream_key,
        system=case.system,
        needs_approval=decision.second_person and not reason,
        amount=case.amount,
        currency=case.currency or "",
        note=reason,
    )
