"""One story across all systems as a list of steps: what came in, what was asked and answered, what moved, what people did."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

from apps.access.models import User
from apps.access.policy import entities
from apps.audit import queries as audit
from apps.audit.models import AuditLine
from apps.billing.models import BillingMilestone, Invoice, RevenueSchedule
from apps.connectors.models import ConnectedSystem
from apps.events.models import DeliveryAttempt, InboxEvent, OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import visible_cases
from apps.governance.models import Approval
from apps.projects.models import Project, ProjectTask
from apps.workbench.activation_queue import visible_projects
from apps.workbench.queue import person_name
from apps.workbench.story import MOVES_TO, OUTCOMES, subject_words, verb_words
from apps.workbench.words import spoken, state_look

MOST = 500
LANES = ("CRM", "Tieout", "PSA", "Tax", "ERP", "Others")
# A silence longer than this is worth a mark.
GAP_S = 15 * 60
_LANE_OF_KIND = {"crm": "CRM", "psa": "PSA", "time": "PSA", "tax": "Tax", "erp": "ERP", "tieout": "Tieout"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of the story. `took_s`: None when it is an instant, or not over; `url`: the object it is about."""

    at: datetime
    lane: str
    system: str
    kind: str
    what: str
    object: str
    tone: str
    outcome: str = ""
    took_s: float | None = None
    detail: str = ""
    by: str = ""
    url: str = ""
    gap_s: float | None = None

    @property
    def is_bad(self) -> bool:
        """Whether it needs a look."""
        return self.tone in ("danger", "warn")


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole story. `left_out`: whether it is longer than what is shown."""

    id: str
    entries: Sequence[Entry]
    projects: Sequence[Project]
    cases: Sequence[ExceptionCase]
    left_out: bool

    @property
    def starts_at(self) -> datetime:
        """Of the first entry; there is one."""
        return self.entries[0].at

    @property
    def lasted_s(self) -> float:
        """From the first entry to the last."""
        return (self.entries[-1].at - self.entries[0].at).total_seconds()


def is_visible(story: str, *, user: User) -> bool:
    """Whether the story has to do with a legal entity this person works for. Two queries at most."""
    if entities(user) is None:
        return True
    own = {"correlation_id": story}
    return visible_projects(user).filter(**own).exists() or visible_cases(user).filter(**own).exists()


def trace_of(story: str, *, user: User) -> Trace | None:
    """The story with this correlation id; None when there is none, or none this person may see. Seven queries, and six to cut.

    A story belongs to the legal entities of its projects, cases and commands; whoever works for one of them sees it.
    """
    commands = list(OutboxCommand.objects.filter(correlation_id=story).order_by("created_at", "id")[:MOST])
    projects = list(visible_projects(user).filter(correlation_id=story).order_by("legal_entity"))
    cases = list(visible_cases(user).filter(correlation_id=story).order_by("first_seen", "pk")[:MOST])
    scope = entities(user)
    if scope is not None and not projects and not cases:
        return None
    lanes = _lanes()
    hidden = _hidden_ids(story, scope) if scope is not None else set()
    seen = [row for row in commands if scope is None or row.legal_entity in scope or not row.legal_entity]
    moves = [line for line in audit.timeline(story, most=MOST) if line.subject_id not in hidden]
    entries = [
        *_events(story, lanes, hidden),
        *_commands(seen, lanes),
        *_moves(moves, {str(case.pk) for case in cases}, scope is None),
        *_cases(cases),
    ]
    if not entries:
        return None
    entries.sort(key=lambda entry: entry.at)
    shown = entries[:MOST]
    return Trace(story, list(_with_gaps(shown)), projects, cases, left_out=len(entries) > MOST)


def _lanes() -> dict[str, str]:
    """System code → its lane."""
    kinds = ConnectedSystem.objects.values_list("code", "kind")
    return {"tieout": "Tieout", **{code: _LANE_OF_KIND.get(kind, "Others") for code, kind in kinds}}


def _hidden_ids(story: str, scope: frozenset[str]) -> set[str]:
    """Objects of this story that belong to legal entities outside of `scope`. Six queries."""
    mine = sorted(scope)
    projects = set(
        Project.objects.filter(correlation_id=story).exclude(legal_entity__in=mine).values_list("pk", flat=True)
    )
    hidden = set(projects)
    for model in (ProjectTask, BillingMilestone, Invoice, RevenueSchedule):
        hidden |= set(model._default_manager.filter(project__in=projects).values_list("pk", flat=True))
    asked = Approval.objects.filter(correlation_id=story).exclude(entity__in=mine)
    return hidden | set(asked.values_list("pk", flat=True))


def _events(story: str, lanes: Mapping[str, str], hidden: Set[str]) -> Iterator[Entry]:
    fields = (
        "id", "system", "name", "received_at", "settled_at", "external_id", "state", "error", "reference", "stream_key",
    )  # fmt: skip
    rows = InboxEvent.objects.filter(correlation_id=story).order_by("received_at", "id").values_list(*fields)
    for pk, system, name, at, settled_at, external_id, state, error, reference, stream_key in rows[:MOST]:
        if reference and system != "tieout":
            # The answer to our own command: its command has said so already.
            continue
        if not hidden.isdisjoint((stream_key.partition(":")[2], external_id.partition(":")[2].partition(":")[0])):
            continue
        tone = {"dead": "danger", "received": "info", "superseded": "neutral"}.get(state, "ok")
        yield Entry(
            at=at,
            lane=lanes.get(system, "Others"),
            system=system,
            kind="event",
            what=spoken(name) if name else "Told what changed",
            object=f"EVT-{pk} {external_id}",
            tone=tone,
            outcome=spoken(state),
            took_s=(settled_at - at).total_seconds() if settled_at else None,
            detail=error,
        )


def _commands(commands: Sequence[OutboxCommand], lanes: Mapping[str, str]) -> Iterator[Entry]:
    names = {row.pk: row for row in commands}
    for row in commands:
        yield Entry(
            at=row.created_at,
            lane="Tieout",
            system="tieout",
            kind="command",
            what=f"Asks {row.system}: {verb_words(row.name)}",
            object=f"CMD-{row.pk} {row.idempotency_key}",
            tone={"acknowledged": "ok", "rejected": "danger", "dead": "danger", "unknown": "warn"}.get(row.state, "info"),
            outcome=spoken(row.state),
            took_s=(row.finished_at - row.created_at).total_seconds() if row.finished_at else None,
            detail=row.error,
        )  # fmt: skip
    for attempt in DeliveryAttempt.objects.filter(command__in=names).order_by("started_at", "id")[:MOST]:
        command = names[attempt.command_id]
        tone, word = OUTCOMES.get(attempt.outcome, ("info", "On its way"))
        yield Entry(
            at=attempt.started_at,
            lane=lanes.get(command.system, "Others"),
            system=command.system,
            kind="attempt",
            what=f"{attempt.get_kind_display()} {verb_words(command.name)}",
            object=f"CMD-{command.pk}",
            tone=tone,
            outcome=f"{word} {attempt.code}".strip(),
            took_s=(attempt.finished_at - attempt.started_at).total_seconds() if attempt.finished_at else None,
            detail=attempt.detail[:300],
        )


def _moves(lines: Sequence[AuditLine], case_ids: set[str], sees_all: bool) -> Iterator[Entry]:
    for line in lines:
        if line.subject_type == "exceptioncase" and not sees_all and line.subject_id not in case_ids:
            continue
        moved = f"{spoken(line.source)} → {spoken(line.target)}" if line.source and line.target else spoken(line.verb)
        yield Entry(
            at=line.at,
            lane="Tieout",
            system="tieout",
            kind="decision" if line.by.startswith("person:") else "state",
            what=moved,
            object=subject_words(line.subject_type, line.subject_id),
            tone=MOVES_TO.get(line.target, "neutral"),
            detail=line.why,
            by=person_name(line.by),
            url=_url(line),
        )


def _cases(cases: Sequence[ExceptionCase]) -> Iterator[Entry]:
    for case in cases:
        yield Entry(
            at=case.first_seen,
            lane="Tieout",
            system="tieout",
            kind="case",
            what=case.title,
            object=case.number,
            tone="danger" if case.is_open else "neutral",
            outcome=state_look(case.state).word,
            took_s=(case.resolved_at - case.first_seen).total_seconds() if case.resolved_at else None,
            detail=case.cause[:300],
            url=reverse("workbench:case", args=[case.pk]),
        )


def _url(line: AuditLine) -> str:
    if line.subject_type == "exceptioncase" and line.subject_id.isdigit():
        return reverse("workbench:case", args=[int(line.subject_id)])
    return reverse("workbench:project", args=[line.subject_id]) if line.subject_type == "project" else ""


def _with_gaps(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Each entry with the silence before it, where that was long."""
    before: datetime | None = None
    for entry in entries:
        silence = (entry.at - before).total_seconds() if before else 0
        yield replace(entry, gap_s=silence) if silence >= GAP_S else entry
        before = entry.at
