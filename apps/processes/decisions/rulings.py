"""Decisions that are not over at once: kept as rows, agreed to by a second person, carried out when their turn comes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.models import Approval
from apps.processes.decisions.definition import Asked
from apps.processes.models import Ruling
from apps.processes.states import RulingState

# How an approval says what it is about.
SUBJECT = "ruling"


def keep(
    asked: Asked,
    *,
    decision: str,
    content: Mapping[str, Any],
    state: RulingState,
    due_at: datetime | None = None,
    original_command: int | None = None,
    command_key: str = "",
) -> Ruling:
    """Write down what is decided; it is inserted at once, in the caller's transaction."""
    step = asked.step
    return Ruling.objects.create(
        id=new_id("DEC", asked.case.pk, asked.case.version, decision),
        case=asked.case,
        decision=decision,
        state=state,
        step_id=step.pk if step else "",
        attempt=step.attempt if step else 0,
        content=dict(content),
        original_command=original_command,
        command_key=command_key,
        due_at=due_at,
        by=asked.by.key,
        why=asked.why,
        asked_at=clock.now(),
        ended_at=clock.now() if state == RulingState.DONE else None,
    )


def ask_second_person(asked: Asked, ruling: Ruling, *, kind: str, summary: str) -> Approval:
    """Ask for agreement to exactly this content: who decides is the policies' word, and never who asks."""
    case = asked.case
    request = ApprovalRequest(
        kind=kind,
        subject_type=SUBJECT,
        subject_id=ruling.pk,
        payload=ruling.content,
        stream_key=case.stream_key,
        reference=ruling.pk,
        entity=case.entity,
        amount=case.money,
        summary=f"{case.number}: {summary}",
        correlation_id=case.correlation_id,
    )
    (approval,) = approvals.request(asked.work, [request], by=asked.by)
    ruling.approval_id = approval.pk
    ruling.save(update_fields=["approval_id"])
    return approval


def of_approval(approval: Approval) -> Ruling | None:
    """The decision an approval is about, None when it is about something else."""
    return Ruling.objects.filter(pk=approval.subject_id).first() if approval.subject_type == SUBJECT else None


def hold(work: Work, ruling_id: str) -> tuple[ExceptionCase, Ruling]:
    """The case, then the ruling, both locked."""
    case_id = Ruling.objects.values_list("case_id", flat=True).get(pk=ruling_id)
    case = work.lock(ExceptionCase, [case_id])[case_id]
    return case, Ruling.objects.select_for_update().get(pk=ruling_id)


def end(work: Work, case: ExceptionCase, ruling: Ruling, state: RulingState, *, by: Actor, why: str) -> None:
    """Close the ruling; unless it was carried out, the case goes back to whoever had it."""
    ruling.state, ruling.ended_at = state, clock.now()
    ruling.save(update_fields=["state", "ended_at", "command_key"])
    work.note(case, verb=f"{ruling.decision} {state}", by=by, why=why, story=case.correlation_id)
    if state != RulingState.DONE and case.state == CaseState.RESOLVING:
        back = "hand_back" if case.assigned_to else "requeue"
        work.move(case, back, by=by, why=why, story=case.correlation_id)
