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
from apps.processes.decisions.compensate import COMPENSATE
from apps.processes.decisions.definition import Asked, Decision
from apps.processes.decisions.look_up import LOOK_UP
from apps.processes.decisions.replay import REPLAY
from apps.processes.models import ProcessStep

DECISIONS: dict[str, Decision] = {decision.name: decision for decision in (REPLAY, LOOK_UP, COMPENSATE)}


@dataclass(frozen=True, slots=True)
class DecisionOffer:
    """One button on a case. `reason` says why it is off."""

    name: str
    label: str
    needs_why: bool
    enabled: bool
    reason: str
    done: str


def offered(case: ExceptionCase, user: User) -> list[DecisionOffer]:
    """What the catalogue allows for this kind of case and this release can do. One query."""
    if not case.is_open:
        return []
    step = _step_of(case)
    offers = []
    for name in kind_of(case.kind).decisions:
        decision = DECISIONS.get(name)
        if decision is None:
            continue
        reason = decision.possible(case, step)
        if not may(user, decision.permission, entity=case.entity):
            reason = f"You need the permission {decision.permission} for {case.entity or 'this case'}."
        offers.append(DecisionOffer(name, decision.label, decision.needs_why, not reason, reason, decision.done))
    return offers


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
    has moved on since `expected_version`, NotPossible, BadInput (no reason given), NotAllowed.
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
        decision.take(Asked(case=case, step=step, by=by.actor, why=why, inputs=inputs or {}))
        work.note(case, verb=f"decide {name}", by=by.actor, why=why, story=case.correlation_id)
        case.attempts += 1
        work.flush()
        begin_resolving(work, [case_id], by=by.actor, why=why or name)
        work.flush()
        transaction.on_commit(bell.ring_inbox)
        transaction.on_commit(lambda: bell.ring_outbox(outbox.due_systems()))
    return DecisionOffer(name, decision.label, decision.needs_why, True, "", decision.done)


def _step_of(case: ExceptionCase) -> ProcessStep | None:
    return ProcessStep.objects.filter(pk=case.reference).first()
