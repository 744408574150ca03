"""grant and refuse: a second person's answer, written and sent to what waits for it in one transaction."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from apps.audit.work import Work
from apps.canonical import events
from apps.core.actor import Actor
from apps.core.errors import Conflict
from apps.events import bell, inbox
from apps.governance import approvals
from apps.governance.models import Approval
from apps.processes.decisions import rulings
from apps.processes.decisions.registry import DECISIONS
from apps.processes.models import Ruling
from apps.processes.states import RulingState


def grant(
    approval_id: str, *, by: Actor, why: str = "", expected_version: int | None = None, seen_hash: str = ""
) -> Approval:
    """Agree. Raises NotYourDecision, NotPossible or Conflict as `governance.approvals.grant` does."""
    seen = {"expected_version": expected_version, "seen_hash": seen_hash}
    return _answer(events.APPROVAL_GRANTED, approvals.grant, approval_id, by=by, why=why, seen=seen)


def refuse(
    approval_id: str, *, by: Actor, why: str, expected_version: int | None = None, seen_hash: str = ""
) -> Approval:
    """Say no, and why. Raises like `grant`, and BadInput without a reason."""
    seen = {"expected_version": expected_version, "seen_hash": seen_hash}
    return _answer(events.APPROVAL_REFUSED, approvals.refuse, approval_id, by=by, why=why, seen=seen)


def _answer(
    event: str,
    decide: Callable[..., Approval],
    approval_id: str,
    *,
    by: Actor,
    why: str,
    seen: dict[str, Any],
) -> Approval:
    with transaction.atomic():
        approval = decide(approval_id, by=by, why=why, **seen)
        ruling = rulings.of_approval(approval)
        if ruling is not None:
            _rule(ruling, approval, by=by, why=why, agreed=event == events.APPROVAL_GRANTED)
        else:
            _tell(event, approval, by=by, why=why)
        transaction.on_commit(bell.ring_inbox)
    return approval


def _rule(ruling: Ruling, approval: Approval, *, by: Actor, why: str, agreed: bool) -> None:
    """Carry out a decision on a case that a second person was asked about, or take it back."""
    work = Work()
    case, held = rulings.hold(work, ruling.pk)
    if held.state != RulingState.ASKED:
        return
    carry_out = DECISIONS[held.decision].carry_out
    if not agreed:
        rulings.end(work, case, held, RulingState.REFUSED, by=by, why=why)
    elif not case.is_open or carry_out is None:
        rulings.end(work, case, held, RulingState.LAPSED, by=by, why=f"{case.number} is {case.state} by now")
    else:
        if not approvals.still_covers(approval, held.content):
            raise Conflict(f"What {approval.pk} is about is no longer what was asked for.")
        carry_out(work, case, held)
        rulings.end(work, case, held, RulingState.DONE, by=by, why=why)
    work.flush()


def _tell(event: str, approval: Approval, *, by: Actor, why: str) -> None:
    inbox.store(
        [
            inbox.message(
                event,
                {"approval": approval.pk, "kind": approval.kind, "by": by.key, "why": why},
                stream_key=approval.stream_key,
                external_id=f"{event}:{approval.pk}:{approval.version}",
                correlation_id=approval.correlation_id,
                causation_id=approval.pk,
                reference=approval.reference,
            )
        ]
    )
