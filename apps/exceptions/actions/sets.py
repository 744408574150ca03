"""Opening and settling many cases in the caller's transaction; statements do not grow with their number."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import Actor
from apps.exceptions.actions.matching import Match, matches
from apps.exceptions.catalogue import kind_of
from apps.exceptions.evidence import fit_json, fit_text
from apps.exceptions.findings import Finding
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES, CaseState

_NEXT_NUMBERS = "SELECT nextval(pg_get_serial_sequence('exceptions_exceptioncase', 'id')) FROM generate_series(1, %s)"


def open_cases(work: Work, findings: Sequence[Finding], *, by: Actor) -> list[ExceptionCase]:
    """One open case per finding, in the order of the findings; written when the caller flushes `work`.

    A case that is open already is refreshed: occurrences, attempts, evidence, last seen; one that a decision was
    being carried out for goes back to its owner. A closed case of the same cause and object is reopened as
    regressed, due anew. Everything else becomes a new case. At most three statements, whatever the number.
    Two calls on one unflushed `work` must not name the same new failure: the first is not in the database yet.
    Raises UnknownKind before anything is changed.
    """
    if not findings:
        return []
    due = _DueTimes(clock.now(), findings)
    found = matches(work, findings)
    numbers = _numbers(sum(match.case is None for match in found))
    cases = {}
    for match in found:
        case = match.case
        if case is None:
            case = _new(work, match, number=next(numbers), due=due, by=by)
        else:
            _again(work, case, match, due=due, by=by)
        cases[match.finding.key] = case
    return [cases[finding.key] for finding in findings]


def settle_cases(
    work: Work, references: Collection[str], *, by: Actor, why: str, resolution: str = "settled"
) -> list[ExceptionCase]:
    """Close every open case about these references: what was stuck has moved on. Two statements, one when none is open."""
    if not references:
        return []
    pks = ExceptionCase.objects.filter(reference__in=references, state__in=LIVE_STATES).values_list("pk", flat=True)
    closed = []
    for case in work.lock(ExceptionCase, list(pks)).values():
        # Somebody may have closed it between the look and the lock.
        if case.is_open:
            work.move(case, "resolve", by=by, why=why, resolution=resolution, story=case.correlation_id)
            closed.append(case)
    return closed


def close_replaced(work: Work, opened: Sequence[ExceptionCase], *, by: Actor) -> list[ExceptionCase]:
    """Close what a decision was being carried out for, where the same step has stopped for another cause by now.

    `opened` are the cases of that other cause. One statement, two when there is something to close.
    """
    references = {case.reference for case in opened if case.reference}
    others = ExceptionCase.objects.filter(reference__in=references, state=CaseState.RESOLVING)
    closed = []
    for case in work.lock(ExceptionCase, list(others.values_list("pk", flat=True))).values():
        if case.state == CaseState.RESOLVING and case not in opened:
            why = "what was decided has helped; something else stands in the way now"
            work.move(case, "resolve", by=by, why=why, resolution="settled", story=case.correlation_id)
            closed.append(case)
    return closed


def begin_resolving(work: Work, case_ids: Collection[int], *, by: Actor, why: str) -> list[ExceptionCase]:
    """A decision is now being carried out for these cases; those under way already or closed are left out."""
    begun = []
    for case in work.lock(ExceptionCase, case_ids).values():
        if case.state in (CaseState.OPEN, CaseState.ASSIGNED):
            work.move(case, "begin", by=by, why=why, story=case.correlation_id)
            begun.append(case)
    return begun


class _DueTimes:
    """Due times by kind and country, reckoned once each: walking a calendar costs more than opening a case."""

    def __init__(self, at: datetime, findings: Sequence[Finding]) -> None:
        self.at = at
        self._due = {
            key: clock.add_business_hours(at, key[0], country=key[1], zone=key[2])
            for key in {self._key(finding) for finding in findings}
        }

    def of(self, finding: Finding) -> datetime:
        return self._due[self._key(finding)]

    def _key(self, finding: Finding) -> tuple[int, str, str]:
        return kind_of(finding.kind).due_within_h, finding.country, finding.zone


def _new(work: Work, match: Match, *, number: int, due: _DueTimes, by: Actor) -> ExceptionCase:
    finding = match.finding
    kind = kind_of(finding.kind)
    case = ExceptionCase(
        pk=number,
        kind=kind.code,
        fingerprint=finding.fingerprint,
        family=kind.family,
        severity=kind.severity,
        title=kind.title,
        subject_type=finding.subject_type,
        subject_id=finding.subject_id,
        system=finding.system,
        entity=_short(finding.entity, 64),
        code=_short(finding.code, 120),
        field=_short(finding.field, 120),
        owner_role=kind.owner_role,
        due_at=due.of(finding),
        occurrences=match.times,
        first_seen=due.at,
        correlation_id=finding.correlation_id,
    )
    _refresh(case, finding, at=due.at)
    return work.create(case, by=by, why=case.cause, after=_facts(case), at_story=case.correlation_id)


def _again(work: Work, case: ExceptionCase, match: Match, *, due: _DueTimes, by: Actor) -> None:
    finding = match.finding
    _refresh(case, finding, at=due.at)
    case.occurrences += match.times
    if not case.is_open:
        due_at = due.of(finding)
        work.move(case, "reopen", by=by, why=case.cause, story=case.correlation_id, due_at=due_at, regressed=True)
        # It may have climbed while it was open before; it starts where the catalogue puts it.
        case.owner_role = kind_of(case.kind).owner_role
    elif case.state == CaseState.RESOLVING:
        back = "hand_back" if case.assigned_to else "requeue"
        work.move(case, back, by=by, why=case.cause, story=case.correlation_id)


def _refresh(case: ExceptionCase, finding: Finding, *, at: datetime) -> None:
    """What is known best by the last occurrence."""
    case.cause = fit_text(finding.message, most=4000)
    case.stream_key, case.reference, case.awaiting = finding.stream_key, finding.reference, finding.awaiting
    case.saga, case.step, case.run_id = finding.saga, finding.step, finding.run_id
    case.amount = finding.amount.amount if finding.amount else None
    case.currency = finding.amount.currency if finding.amount else None
    case.blocked, case.evidence = fit_json(list(finding.blocked)), fit_json(finding.evidence)
    case.attempts = max(case.attempts, finding.attempts)
    case.last_seen = at
    case.correlation_id = finding.correlation_id or case.correlation_id


def _short(text: str, most: int) -> str:
    return fit_text(text)[:most]


def _facts(case: ExceptionCase) -> dict[str, Any]:
    money = case.money
    return {
        "kind": case.kind,
        "subject": [case.subject_type, case.subject_id],
        "reference": case.reference,
        "due_at": case.due_at.isoformat(),
        "at_risk": [str(money.amount), money.currency] if money else None,
    }


def _numbers(count: int) -> Iterator[int]:
    if not count:
        return iter(())
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_NUMBERS, [count])
        return iter([number for (number,) in cursor.fetchall()])
