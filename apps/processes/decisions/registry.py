"""All decisions there are; which of them a case offers to a person; and taking one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.access.models import User
from apps.access.policy import may, require
from apps.audit.work import Work
from apps.core.errors import BadInput, Conflict
from apps.events import bell, outbox
from apps.exceptions.actions.sets import begin_resolving
from apps.exceptions.catalogue import kind_of, may_decide
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.answer import GRANT, REFUSE
from apps.processes.decisions.compensate import COMPENSATE
from apps.processes.decisions.correct_master_data import CORRECT_MASTER_DATA
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.inputs import checked
from apps.processes.decisions.look_up import LOOK_UP
from apps.processes.decisions.looking_after import CLOSE_WITH_REFERENCE, DISMISS, REASSIGN, SNOOZE
from apps.processes.decisions.map_value import MAP_VALUE
from apps.processes.decisions.override import OVERRIDE
from apps.processes.decisions.park_until import PARK_UNTIL
from apps.processes.decisions.redate import REDATE
from apps.processes.decisions.replay import REPLAY
from apps.processes.decisions.resubmit import RESUBMIT
from apps.processes.decisions.waive import SKIP_STEP, WAIVE
from apps.processes.models import ProcessStep

# In the order a case offers them.
DECISIONS: dict[str, Decision] = {
    decision.name: decision
    for decision in (
        GRANT,
        REFUSE,
        REPLAY,
        LOOK_UP,
        MAP_VALUE,
        CORRECT_MASTER_DATA,
        RESUBMIT,
        OVERRIDE,
        WAIVE,
        SKIP_STEP,
        PARK_UNTIL,
        REDATE,
        COMPENSATE,
        CLOSE_WITH_REFERENCE,
        REASSIGN,
        SNOOZE,
        DISMISS,
    )
}


@dataclass(frozen=True, slots=True)
class DecisionOffer:
    """One button on a case. `reason` says why it is off."""

    name: str
    label: str
    needs_why: bool
    enabled: bool
    reason: str
    done: str
    inputs: tuple[Input, ...] = ()
    second_person: bool = False


def offered(case: ExceptionCase, user: User) -> list[DecisionOffer]:
    """What the catalogue allows for this kind of case and this release can do; a few small queries."""
    if not case.is_open:
        return []
    step = _step_of(case)
    allowed = kind_of(case.kind).decisions
    return [_offer(decision, case, step, user) for name, decision in DECISIONS.items() if name in allowed]


def why_not(decision: Decision, case: ExceptionCase, step: ProcessStep | None, user: User) -> str:
    """Why this person cannot take this decision on this case now; empty when nothing is in the way."""
    if not case.is_open or not may_decide(case.kind, decision.name):
        return f"{decision.label} is not possible on {case.number}, which is {case.state}."
    if not may(user, decision.permission, entity=case.entity):
        return f"You need the permission {decision.permission} for {case.entity or 'this case'}."
    return decision.possible(case, step)


def _offer(decision: Decision, case: ExceptionCase, step: ProcessStep | None, user: User) -> DecisionOffer:
    reason = why_not(decision, case, step, user)
    return DecisionOffer(
        decision.name,
        decision.label,
        decision.needs_why,
        enabled=not reason,
        reason=reason,
        done=decision.done,
        inputs=() if reason else decision.inputs(case, step),
        second_person=decision.second_person,
    )


def apply(
    name: str,
    *,
    case_id: int,
    by: User,
    why: str = "",
    expected_version: int | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> DecisionOffer:
    """Take a decision on a case: audited, and carried out in the object's own turn.

    The case is `resolving` until the outcome is seen; it closes or comes back by itself. Raises Conflict when it
    has moved on since `expected_version`, NotPossible, BadInput (an input is missing or wrong), NotAllowed.
    """
    decision = DECISIONS.get(name)
    if decision is None:
        raise BadInput(
            f"There is no decision {name!r}.", path="decision", mend=f"Choose one of {', '.join(DECISIONS)}."
        )
    if decision.needs_why and not why.strip():
        raise BadInput("a reason is needed", path="why", mend="Say why, for the audit trail.")
    with transaction.atomic():
        work = Work()
        case = work.lock(ExceptionCase, [case_id]).get(case_id)
        if case is None:
            raise NotPossible(f"EXC-{case_id} does not exist.")
        require(by, decision.permission, entity=case.entity)
        if expected_version is not None and case.version != expected_version:
            raise Conflict(
                f"{case.number} is {case.state} at version {case.version} by now, you saw {expected_version}."
            )
        if not case.is_open or not may_decide(case.kind, name):
            raise NotPossible(f"{decision.label} is not possible on {case.number}, which is {case.state}.")
        step = _step_of(case)
        if reason := decision.possible(case, step):
            raise NotPossible(reason)
        given = checked(decision.inputs(case, step), inputs or {})
        decision.take(Asked(case=case, step=step, user=by, why=why.strip(), inputs=given, work=work))
        work.note(case, verb=f"decide {name}", by=by.actor, why=why, story=case.correlation_id)
        case.attempts += 1
        work.flush()
        if not decision.closes:
            begin_resolving(work, [case_id], by=by.actor, why=why or name)
        work.flush()
        transaction.on_commit(bell.ring_inbox)
        transaction.on_commit(lambda: bell.ring_outbox(outbox.due_systems()))
    return DecisionOffer(name, decision.label, decision.needs_why, True, "", decision.done)


def _step_of(case: ExceptionCase) -> ProcessStep | None:
    return ProcessStep.objects.filter(pk=case.reference).first()
