"""What a person does with one case: take, pass on, put off, close, open again, note. Each is one audited change."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django_fsm import TransitionNotAllowed

from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import BadInput, Conflict
from apps.core.states import state_table
from apps.exceptions.catalogue import kind_of, may_decide
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import CaseNote, ExceptionCase

MOST_MINUTES = 60 * 24 * 7


def assign_case(
    case_id: int, *, to: str, by: Actor, why: str = "", expected_version: int | None = None
) -> ExceptionCase:
    """`to` (an actor's key such as ``person:anna``) looks after it."""
    if not to:
        raise BadInput("nobody to assign the case to", path="to", mend="Name a person.")
    with _held(case_id, expected_version) as (work, case):
        _move(work, case, "assign", by=by, why=why, to=to)
    return case


def take_case(case_id: int, *, by: Actor, why: str = "", expected_version: int | None = None) -> ExceptionCase:
    """The person acting looks after it. Taking a case over from somebody needs a reason."""
    with _held(case_id, expected_version) as (work, case):
        if case.assigned_to == by.key:
            return case
        if case.assigned_to and not why:
            raise BadInput(f"{case.number} is with {case.assigned_to}", path="why", mend="Say why you take it over.")
        _move(work, case, "assign", by=by, why=why, to=by.key)
    return case


def release_case(case_id: int, *, by: Actor, why: str = "", expected_version: int | None = None) -> ExceptionCase:
    """Back to the queue of its role."""
    with _held(case_id, expected_version) as (work, case):
        _move(work, case, "release", by=by, why=why)
    return case


def snooze_case(
    case_id: int, *, until: datetime, by: Actor, why: str, expected_version: int | None = None
) -> ExceptionCase:
    """Out of sight until `until`; it stays due when it was due."""
    if until <= clock.now():
        raise BadInput(f"{until:%Y-%m-%d %H:%M} has passed", path="until", mend="Choose a time to come.")
    with _held(case_id, expected_version) as (work, case):
        _require_open(case, "snoozed")
        before, case.snoozed_until = case.snoozed_until, until
        work.note(case, verb="snooze", by=by, why=_reason(why), before=_at(before), after=_at(until))
    return case


def dismiss_case(case_id: int, *, by: Actor, why: str, expected_version: int | None = None) -> ExceptionCase:
    """Nothing is to be done. Where something may have happened outside (unknown outcome), this is not on offer."""
    with _held(case_id, expected_version) as (work, case):
        if not may_decide(case.kind, "dismiss"):
            offered = ", ".join(kind_of(case.kind).decisions)
            raise NotPossible(f"A case of kind {case.kind} may not be dismissed. Choose one of: {offered}.")
        _move(work, case, "dismiss", by=by, why=_reason(why))
    return case


def resolve_case(
    case_id: int, *, resolution: str, by: Actor, why: str, expected_version: int | None = None
) -> ExceptionCase:
    """It is settled; `resolution` names the decision that did it."""
    with _held(case_id, expected_version) as (work, case):
        _move(work, case, "resolve", by=by, why=_reason(why), resolution=resolution)
    return case


def reopen_case(case_id: int, *, by: Actor, why: str, expected_version: int | None = None,
                country: str = "", zone: str = "UTC") -> ExceptionCase:  # fmt: skip
    """It is not over after all. Due anew, in business hours of `country`."""
    with _held(case_id, expected_version) as (work, case):
        due_at = clock.add_business_hours(clock.now(), kind_of(case.kind).due_within_h, country=country, zone=zone)
        _move(work, case, "reopen", by=by, why=_reason(why), due_at=due_at, regressed=False)
    return case


def escalate_case(case_id: int, *, by: Actor, why: str, expected_version: int | None = None) -> ExceptionCase:
    """Up to the role the catalogue names for this kind."""
    with _held(case_id, expected_version) as (work, case):
        _require_open(case, "escalated")
        escalate(work, case, by=by, why=_reason(why))
    return case


def escalate(work: Work, case: ExceptionCase, *, by: Actor, why: str) -> None:
    """Hand a held case up; whoever had it keeps it."""
    before, case.owner_role = case.owner_role, kind_of(case.kind).escalates_to
    case.escalated_at = clock.now()
    work.note(
        case, verb="escalate", by=by, why=why, before={"owner_role": before}, after={"owner_role": case.owner_role}
    )


def add_note(case_id: int, *, text: str, by: Actor, expected_version: int | None = None) -> CaseNote:
    """Leave a note; the audit line says that one was left, not what it says."""
    if not text.strip():
        raise BadInput("the note is empty", path="text", mend="Write something.")
    with _held(case_id, expected_version) as (work, case):
        note = CaseNote.objects.create(case=case, by=by.key, text=text.strip(), at=clock.now())
        work.note(case, verb="note", by=by, after={"note": note.pk})
    return note


def log_minutes(
    case_id: int, *, minutes: int, by: Actor, why: str = "", expected_version: int | None = None
) -> ExceptionCase:
    """Set the minutes spent in all; the reconciliation-effort figure is made of them."""
    if not 0 <= minutes <= MOST_MINUTES:
        raise BadInput(f"{minutes} minutes cannot be", path="minutes", mend=f"Give a number from 0 to {MOST_MINUTES}.")
    with _held(case_id, expected_version) as (work, case):
        before, case.minutes_spent = case.minutes_spent, minutes
        work.note(case, verb="log minutes", by=by, why=why, before={"minutes": before}, after={"minutes": minutes})
    return case


@contextmanager
def _held(case_id: int, expected_version: int | None) -> Iterator[tuple[Work, ExceptionCase]]:
    """One case, locked and fresh; what the block changes is written at its end."""
    with transaction.atomic():
        work = Work()
        case = work.lock(ExceptionCase, [case_id]).get(case_id)
        if case is None:
            raise ExceptionCase.DoesNotExist(f"EXC-{case_id} does not exist")
        if expected_version is not None and case.version != expected_version:
            raise Conflict(f"{case.number} has moved on to version {case.version}, you saw version {expected_version}")
        yield work, case
        work.flush()


def _move(work: Work, case: ExceptionCase, transition: str, *, by: Actor, why: str, **arguments: object) -> None:
    try:
        work.move(case, transition, by=by, why=why, story=case.correlation_id, **arguments)
    except TransitionNotAllowed as error:
        possible = sorted(name for source, name, _ in state_table(ExceptionCase) if source == case.state)
        raise NotPossible(
            f"{case.number} is {case.state}; {transition} is not possible now, only {', '.join(possible)}."
        ) from error


def _require_open(case: ExceptionCase, done: str) -> None:
    if not case.is_open:
        raise NotPossible(f"{case.number} is {case.state}; only an open case can be {done}.")


def _reason(why: str) -> str:
    if not why.strip():
        raise BadInput("a reason is needed", path="why", mend="Say why in a few words; it is kept in the audit trail.")
    return why.strip()


def _at(moment: datetime | None) -> dict[str, str]:
    return {"until": moment.isoformat()} if moment else {}
