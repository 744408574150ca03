"""Asking for approval and giving it: a second person, of the right role and entity, for exactly this content."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django_fsm import TransitionNotAllowed

from apps.access import policy
from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import BadInput, Conflict
from apps.core.ids import new_id
from apps.core.money import Money
from apps.governance.errors import NotPossible, NotYourDecision
from apps.governance.models import Approval
from apps.governance.people import person_behind
from apps.governance.policies import WITHOUT_POLICY, policies_now, required_role
from apps.governance.states import ApprovalState


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What is to be approved.

    payload:   JSON of exactly what is approved; only its hash is kept.
    reference: the step that waits. role: who must decide; empty means that the policies say.
    """

    kind: str
    subject_type: str
    subject_id: str
    payload: Mapping[str, Any]
    stream_key: str = ""
    reference: str = ""
    role: str = ""
    entity: str = ""
    amount: Money | None = None
    summary: str = ""
    due_at: datetime | None = None
    correlation_id: str = ""

    @property
    def id(self) -> str:
        """The same for the same content, so that asking twice asks once."""
        return new_id("APR", self.kind, self.subject_id, payload_hash(self.payload))


def payload_hash(payload: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a JSON payload; the order of keys does not matter."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def still_covers(approval: Approval, payload: Mapping[str, Any]) -> bool:
    """Whether a granted approval is for exactly this payload; a single changed digit makes it False."""
    return approval.state == ApprovalState.GRANTED and approval.payload_hash == payload_hash(payload)


def request(work: Work, requests: Sequence[ApprovalRequest], *, by: Actor) -> list[Approval]:
    """One approval per request, in their order; written when the caller flushes `work`.

    Asking again for the same content returns the row there is: granted stays granted, requested stays requested;
    refused or voided is asked anew. Two small queries whatever the number (one when every role is named).
    """
    known = work.lock(Approval, {request.id for request in requests})
    for request in requests:
        if request.id not in known:
            known[request.id] = _new(work, request, by=by)
        elif known[request.id].state in (ApprovalState.REFUSED, ApprovalState.VOIDED):
            _renew(work, known[request.id], request, by=by)
        elif known[request.id].reference != request.reference:
            # The run was started anew; the approval given for the same content now serves the new step.
            known[request.id].reference = request.reference
    return [known[request.id] for request in requests]


def void(work: Work, approvals: Iterable[Approval] | Collection[str], *, by: Actor, why: str) -> list[Approval]:
    """What was to be approved has changed: nothing given or asked for it counts any more. Returns what was voided."""
    pks = [approval.pk if isinstance(approval, Approval) else approval for approval in approvals]
    voided = []
    for approval in work.lock(Approval, pks).values():
        if approval.state in (ApprovalState.REQUESTED, ApprovalState.GRANTED):
            work.move(approval, "void", by=by, why=why, story=approval.correlation_id)
            voided.append(approval)
    return voided


def void_subject(
    work: Work, subject_ids: Collection[str], *, by: Actor, why: str, kinds: Collection[str] = ()
) -> list[Approval]:
    """`void` for everything asked or given about these subjects (of these kinds, when any is named)."""
    rows = Approval.objects.filter(
        subject_id__in=subject_ids, state__in=[ApprovalState.REQUESTED, ApprovalState.GRANTED]
    )
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return void(work, list(rows.values_list("pk", flat=True)), by=by, why=why)


def grant(
    approval_id: str, *, by: Actor, why: str = "", expected_version: int | None = None, seen_hash: str = ""
) -> Approval:
    """A second person agrees. Changes the row only; who waits for it is told by the caller.

    seen_hash: the payload's hash as the person saw it; Conflict when it is another by now.
    Raises NotYourDecision (maker, role or entity), NotPossible (state), Conflict (version).
    """
    return _decide(approval_id, "grant", by=by, why=why, expected_version=expected_version, seen_hash=seen_hash)


def refuse(
    approval_id: str, *, by: Actor, why: str, expected_version: int | None = None, seen_hash: str = ""
) -> Approval:
    """A second person says no, and why. Raises like `grant`."""
    if not why.strip():
        raise BadInput("a reason is needed", path="why", mend="Say what has to change before you would agree.")
    return _decide(approval_id, "refuse", by=by, why=why, expected_version=expected_version, seen_hash=seen_hash)


def _new(work: Work, request: ApprovalRequest, *, by: Actor) -> Approval:
    approval = Approval(
        id=request.id,
        kind=request.kind,
        subject_type=request.subject_type,
        subject_id=request.subject_id,
        stream_key=request.stream_key,
        reference=request.reference,
        role=request.role or _role_by_policy(request),
        entity=request.entity,
        amount=request.amount.amount if request.amount else None,
        currency=request.amount.currency if request.amount else "",
        summary=request.summary[:255],
        payload_hash=payload_hash(request.payload),
        requested_by=by.key,
        requested_at=clock.now(),
        due_at=request.due_at,
        correlation_id=request.correlation_id,
    )
    after = {
        "kind": request.kind,
        "subject": request.subject_id,
        "role": approval.role,
        "payload": approval.payload_hash,
    }
    return work.create(approval, by=by, after=after, at_story=request.correlation_id)


def _renew(work: Work, approval: Approval, request: ApprovalRequest, *, by: Actor) -> None:
    work.move(approval, "renew", by=by, why="asked again", story=request.correlation_id or approval.correlation_id)
    approval.reference, approval.due_at = request.reference, request.due_at
    approval.role = request.role or _role_by_policy(request)


def _role_by_policy(request: ApprovalRequest) -> str:
    """Whoever asks wants an answer from somebody, even where the policies would do without one."""
    amount = request.amount
    role = required_role(
        policies_now(),
        kind=request.kind,
        entity=request.entity,
        amount=amount.amount if amount else None,
        currency=amount.currency if amount else "",
    )
    return role or WITHOUT_POLICY


def _decide(
    approval_id: str, transition: str, *, by: Actor, why: str, expected_version: int | None, seen_hash: str
) -> Approval:
    with transaction.atomic():
        work = Work()
        approval = work.lock(Approval, [approval_id]).get(approval_id)
        if approval is None:
            raise Approval.DoesNotExist(f"Approval {approval_id} does not exist")
        _require_unchanged(approval, expected_version, seen_hash)
        _require_right(approval, by)
        try:
            work.move(approval, transition, by=by, why=why, story=approval.correlation_id, reason=why)
        except TransitionNotAllowed as error:
            raise NotPossible(
                f"{approval.id} is {approval.state}; only a requested approval can be decided."
            ) from error
        work.flush()
    return approval


def _require_unchanged(approval: Approval, expected_version: int | None, seen_hash: str) -> None:
    if expected_version is not None and approval.version != expected_version:
        raise Conflict(
            f"{approval.id} is {approval.state} at version {approval.version} by now, you saw version {expected_version}"
        )
    if seen_hash and seen_hash != approval.payload_hash:
        raise Conflict(f"What {approval.id} is about has changed since you saw it; look at it again.")


def _require_right(approval: Approval, by: Actor) -> None:
    if by.key == approval.requested_by:
        raise NotYourDecision(f"You asked for {approval.id} yourself; somebody else must decide it.")
    person = person_behind(by)
    if person is None:
        raise NotYourDecision(f"Only a person with an account may decide {approval.id}, not {by.key}.")
    if not policy.may_approve(person, role=approval.role, entity=approval.entity):
        where = f" for {approval.entity}" if approval.entity else " for objects of no entity"
        raise NotYourDecision(f"{approval.id} is for the role {approval.role}{where}; {person} does not have it there.")
