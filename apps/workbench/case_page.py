"""What one case page shows, gathered before its template starts: facts, evidence, attempts, story, decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.access.models import User
from apps.access.policy import may
from apps.core.money import Money
from apps.exceptions.catalogue import kind_of
from apps.exceptions.models import ExceptionCase
from apps.workbench import story
from apps.workbench.chain import Link, chain_of
from apps.workbench.evidence import FieldDiff, field_diff, raw_texts
from apps.workbench.queue import person_name, role_title, shown_state
from apps.workbench.words import spoken


@dataclass(frozen=True, slots=True)
class Panel:
    """All of one case, as the page shows it."""

    id: int
    number: str
    version: int
    title: str
    kind: str
    family: str
    severity: str
    state: str
    is_open: bool
    money: Money | None
    due_at: datetime
    cause: str
    code: str
    field: str
    subject: str
    entity: str
    system: str
    saga: str
    step: str
    awaiting: str
    owner: str
    person: str
    attempts_count: int
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    fingerprint: str
    correlation_id: str
    resolution: str
    resolved_at: datetime | None
    runbook: str
    blocked: tuple[str, ...]
    chain: Sequence[Link]
    may_see_payload: bool
    diff: FieldDiff
    raw: Sequence[tuple[str, str]]
    vendor_words: str
    attempts: Sequence[story.Attempt]
    timeline: Sequence[story.Entry]
    notes: Sequence[story.Note]


def panel_of(case: ExceptionCase, *, user: User) -> Panel:
    """The panel of a case this user may see. The payload is left out for those who may not see payloads."""
    kind, may_see = kind_of(case.kind), may(user, "payload.view")
    evidence: dict[str, Any] = case.evidence if may_see and isinstance(case.evidence, dict) else {}
    return Panel(
        id=case.pk,
        number=case.number,
        version=case.version,
        title=case.title,
        kind=spoken(case.kind),
        family=spoken(case.family),
        severity=case.severity,
        state=shown_state(case),
        is_open=case.is_open,
        money=case.money,
        due_at=case.due_at,
        cause=case.cause,
        code=case.code,
        field=case.field,
        subject=f"{spoken(case.subject_type)} {case.subject_id}",
        entity=case.entity,
        system=case.system,
        saga=spoken(case.saga),
        step=spoken(case.step),
        awaiting=spoken(case.awaiting),
        owner=role_title(case.owner_role),
        person=person_name(case.assigned_to),
        attempts_count=case.attempts,
        occurrences=case.occurrences,
        first_seen=case.first_seen,
        last_seen=case.last_seen,
        fingerprint=case.fingerprint,
        correlation_id=case.correlation_id,
        resolution=spoken(case.resolution),
        resolved_at=case.resolved_at,
        runbook=kind.runbook,
        blocked=tuple(str(item) for item in case.blocked),
        chain=chain_of(saga=case.saga, awaiting=case.awaiting, is_open=case.is_open),
        may_see_payload=may_see,
        diff=field_diff(evidence),
        raw=raw_texts(evidence),
        vendor_words=_vendor_words(case),
        attempts=story.attempts_of(case),
        timeline=story.timeline_of(case),
        notes=story.notes_of(case),
    )


def _vendor_words(case: ExceptionCase) -> str:
    answer = case.evidence.get("answer") if isinstance(case.evidence, dict) else ""
    if isinstance(answer, dict):
        return str(answer.get("detail") or answer.get("message") or "")
    return answer if isinstance(answer, str) else ""
