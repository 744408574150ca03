"""What a second person is asked about a case: the decision as it would be carried out, and the answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms

from apps.access.models import User
from apps.access.policy import may_approve
from apps.core.errors import TieoutError
from apps.exceptions.models import ExceptionCase
from apps.governance.models import Approval
from apps.processes.decisions import approval as approvals
from apps.processes.decisions.registry import DECISIONS
from apps.processes.models import Ruling
from apps.processes.states import RulingState
from apps.workbench.queue import person_name, role_title

LONGEST = 2000


class Gone(TieoutError):
    """The case has no such decision waiting."""


class AnswerForm(forms.Form):
    """Yes or no to exactly what was shown; a no says why."""

    answer = forms.ChoiceField(choices=[("grant", "Agree"), ("refuse", "Refuse")])
    seen_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    why = forms.CharField(label="Reason", max_length=2000, required=False)

    def clean(self) -> dict[str, Any]:
        """A refusal says what has to change."""
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "refuse" and not cleaned.get("why", "").strip():
            self.add_error("why", "Say what has to change before you would agree.")
        return cleaned


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is decided: a field with its old and new value, or a word with its value."""

    label: str
    old: str
    new: str
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision on the case that waits: for a second person, or for its day."""

    id: str
    label: str
    by: str
    why: str
    at: datetime
    lines: Sequence[Line]
    waits_for: str
    may_answer: bool
    seen_hash: str


def asked_about(case: ExceptionCase, *, user: User) -> list[Asked]:
    """What waits on this case. Two queries, one when nothing does."""
    rows = list(case.rulings.filter(state__in=[RulingState.ASKED, RulingState.WAITING]).order_by("asked_at"))
    found = Approval.objects.in_bulk([row.approval_id for row in rows if row.approval_id]) if rows else {}
    return [_asked(row, found.get(row.approval_id), user) for row in rows]


def answer(case: ExceptionCase, ruling_id: str, form: AnswerForm, *, by: User) -> str:
    """Agree or refuse; says what is now true. Raises NotYourDecision, NotPossible, Conflict, Gone."""
    ruling = Ruling.objects.filter(pk=ruling_id, case=case).exclude(approval_id="").first()
    if ruling is None:
        raise Gone(f"{ruling_id} is not asked about {case.number}")
    said, why, seen = (form.cleaned_data[name] for name in ("answer", "why", "seen_hash"))
    label = DECISIONS[ruling.decision].label
    if said == "grant":
        approvals.grant(ruling.approval_id, by=by.actor, why=why, seen_hash=seen)
        return f"{case.number}: {label}, agreed; it is being carried out."
    approvals.refuse(ruling.approval_id, by=by.actor, why=why, seen_hash=seen)
    return f"{case.number}: {label}, refused; the case is back in the queue."


def _asked(row: Ruling, approval: Approval | None, user: User) -> Asked:
    waits_for = row.get_state_display()
    if approval is not None:
        waits_for = f"Waits for {role_title(approval.role)}"
    may = (
        approval is not None
        and approval.requested_by != user.actor.key
        and may_approve(user, role=approval.role, entity=approval.entity)
    )
    return Asked(
        id=row.pk,
        label=DECISIONS[row.decision].label,
        by=person_name(row.by),
        why=row.why,
        at=row.asked_at,
        lines=tuple(_lines(row.content)),
        waits_for=waits_for,
        may_answer=may,
        seen_hash=approval.payload_hash if approval else "",
    )


def _lines(content: dict[str, Any]) -> list[Line]:
    if "changes" in content:
        return [
            Line(change["path"] or "message", _text(change["old"]), _text(change["new"]), bool(change.get("sensitive")))
            for change in content["changes"]
        ]
    return [Line(name.replace("_", " ").capitalize(), "", _text(value)) for name, value in content.items()]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
