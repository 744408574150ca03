"""The story around a case: what was sent and answered, what moved, what people wrote; oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.audit import queries as audit
from apps.audit.models import AuditLine
from apps.events.models import DeliveryAttempt, InboxEvent, OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.workbench.queue import person_name
from apps.workbench.words import spoken

MOST = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to another system. `finished_at` is None while nobody knows how it ended."""

    system: str
    command: str
    kind: str
    outcome: str
    tone: str
    code: str
    detail: str
    started_at: datetime
    finished_at: datetime | None
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `lane` says where it happened."""

    at: datetime
    lane: str
    what: str
    subject: str
    by: str = ""
    why: str = ""
    tone: str = "neutral"


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote."""

    by: str
    text: str
    at: datetime


OUTCOMES = {
    "done": ("ok", "Done"),
    "acknowledged": ("ok", "Acknowledged"),
    "accepted": ("info", "Accepted, finishes later"),
    "found": ("ok", "Found there"),
    "not_found": ("info", "Not there"),
    "transient": ("warn", "Not now"),
    "rejected": ("danger", "Refused"),
    "misconfigured": ("danger", "Not let in"),
    "unknown": ("warn", "Outcome unknown"),
}
MOVES_TO = {
    "parked": "danger", "dead": "danger", "rejected": "danger", "resolved": "ok", "posted": "ok", "active": "ok",
    "done": "ok", "approved": "ok", "paid": "ok",
}  # fmt: skip


def attempts_of(case: ExceptionCase) -> list[Attempt]:
    """Every call made for what is stuck, newest first. One query."""
    commands = _commands_about(case)
    found = DeliveryAttempt.objects.select_related("command").filter(commands).order_by("-started_at")
    return [_attempt(row) for row in found[:MOST]]


def timeline_of(case: ExceptionCase) -> list[Entry]:
    """The story with this case's correlation id; without one, the case's own lines. Three queries at most."""
    if case.correlation_id:
        return story_of(case.correlation_id)
    return [_moved(line) for line in audit.lines(case)]


def story_of(correlation_id: str) -> list[Entry]:
    """Everything with one correlation id, across all rooms."""
    lines = audit.timeline(correlation_id, most=MOST)
    entries = [*(_moved(line) for line in lines), *_received(correlation_id), *_sent(correlation_id)]
    return sorted(entries, key=lambda entry: entry.at)


def latest_changes(case: ExceptionCase) -> list[Entry]:
    """The last things that happened to the case itself, newest first. One query."""
    return [_moved(line) for line in audit.lines(case)[:-4:-1]]


def notes_of(case: ExceptionCase) -> list[Note]:
    """What people wrote, oldest first. One query."""
    return [Note(person_name(note.by), note.text, note.at) for note in case.notes.all()]


def _commands_about(case: ExceptionCase) -> Q:
    kind, _, number = case.reference.partition("-")
    if kind == "CMD" and number.isdigit():
        return Q(command_id=int(number))
    return Q(command__reference=case.reference)


def _attempt(row: DeliveryAttempt) -> Attempt:
    tone, word = OUTCOMES.get(row.outcome, ("info", spoken(row.outcome) if row.outcome else "On its way"))
    command = row.command
    return Attempt(
        system=command.system,
        command=command.name,
        kind=row.get_kind_display(),
        outcome=word,
        tone=tone,
        code=row.code,
        detail=row.detail,
        started_at=row.started_at,
        finished_at=row.finished_at,
        key=command.idempotency_key,
    )


def _moved(line: AuditLine) -> Entry:
    moved = f"{spoken(line.source)} → {spoken(line.target)}" if line.source and line.target else spoken(line.verb)
    tone = MOVES_TO.get(line.target, "neutral")
    return Entry(
        line.at,
        "Tieout",
        moved,
        subject_words(line.subject_type, line.subject_id),
        person_name(line.by),
        line.why,
        tone,
    )


def _received(correlation_id: str) -> Iterator[Entry]:
    fields = ("system", "name", "received_at", "external_id", "state")
    events = InboxEvent.objects.filter(correlation_id=correlation_id).exclude(system="tieout")
    for system, name, at, external_id, state in events.order_by("received_at").values_list(*fields)[:MOST]:
        tone = "danger" if state == "dead" else "info"
        yield Entry(at, system, f"Received {name or 'an event'}", external_id, tone=tone)


def _sent(correlation_id: str) -> Iterator[Entry]:
    commands = OutboxCommand.objects.filter(correlation_id=correlation_id).order_by("created_at")[:MOST]
    for command in commands:
        yield Entry(
            command.created_at, command.system, f"Asked: {verb_words(command.name)}", command.ordering_key, tone="info"
        )
        if command.finished_at:
            tone = "ok" if command.state == "acknowledged" else "danger"
            what = f"{verb_words(command.name)}: {spoken(command.state)}"
            yield Entry(command.finished_at, command.system, what, command.ordering_key, why=command.error, tone=tone)


def verb_words(name: str) -> str:
    """``PostInvoice`` is "post invoice"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def subject_words(model_name: str, subject_id: str) -> str:
    if model_name == "exceptioncase":
        return f"EXC-{subject_id}"
    return f"{spoken(model_name)} {subject_id}"
