"""grant and refuse: a second person's answer, written and sent to the step that waits for it in one transaction."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from apps.canonical import events
from apps.core.actor import Actor
from apps.events import bell, inbox
from apps.governance import approvals
from apps.governance.models import Approval


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
        transaction.on_commit(bell.ring_inbox)
    return approval
