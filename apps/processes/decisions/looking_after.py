"""reassign, snooze, dismiss, close_with_reference: what happens to a case while nothing is sent anywhere."""

from apps.access.models import User
from apps.access.policy import may
from apps.core import clock
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.models import ProcessStep


def _always(case: ExceptionCase, step: ProcessStep | None) -> str:
    return ""


def _not_under_way(case: ExceptionCase, step: ProcessStep | None) -> str:
    return "A decision is being carried out; wait for what it comes to." if case.state == "resolving" else ""


def _colleagues(case: ExceptionCase) -> list[User]:
    people = User.objects.filter(is_active=True).order_by("username")
    return [person for person in people if may(person, "cases.take", entity=case.entity)]


def _to_whom(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    people = [person for person in _colleagues(case) if person.actor.key != case.assigned_to]
    choices = tuple((person.username, person.display_name or person.username) for person in people)
    return (Input("to", "Give it to", "choice", "Somebody who works for this legal entity.", choices=choices),)


def _reassign(asked: Asked) -> None:
    to = User.objects.get(username=asked.inputs["to"])
    asked.work.move(asked.case, "assign", by=asked.by, why=asked.why, story=asked.case.correlation_id, to=to.actor.key)


def _until(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    return (Input("until", "Out of sight until", "datetime", "In your own time zone; it stays due when it is due."),)


def _snooze(asked: Asked) -> None:
    until = asked.inputs["until"]
    if until <= clock.now():
        raise BadInput(f"{until:%Y-%m-%d %H:%M} has passed", path="until", mend="Choose a time to come.")
    before, asked.case.snoozed_until = asked.case.snoozed_until, until
    asked.work.note(
        asked.case,
        verb="snooze",
        by=asked.by,
        why=asked.why,
        before={"until": before.isoformat()} if before else {},
        after={"until": until.isoformat()},
    )


def _dismiss(asked: Asked) -> None:
    asked.work.move(asked.case, "dismiss", by=asked.by, why=asked.why, story=asked.case.correlation_id)


def _document(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    return (
        Input("document", "Document number", help="Where it is settled: a ticket, a credit memo, a journal entry."),
    )


def _close(asked: Asked) -> None:
    case, document = asked.case, asked.inputs["document"]
    asked.work.note(case, verb="name proof", by=asked.by, why=asked.why, after={"document": document})
    why = f"{asked.why} ({document})"
    asked.work.move(case, "resolve", by=asked.by, why=why, story=case.correlation_id, resolution="close_with_reference")


REASSIGN = Decision(
    "reassign", "Reassign", "cases.reassign", _not_under_way, _reassign, done="Passed on.",
    inputs=_to_whom, closes=True, in_groups=True,
)  # fmt: skip
SNOOZE = Decision(
    "snooze", "Snooze", "cases.take", _always, _snooze, done="Out of sight until then.",
    inputs=_until, closes=True, in_groups=True,
)  # fmt: skip
DISMISS = Decision(
    "dismiss", "Dismiss", "cases.dismiss", _always, _dismiss, done="Dismissed.", closes=True, in_groups=True
)
CLOSE_WITH_REFERENCE = Decision(
    "close_with_reference", "Close with reference", "cases.decide", _always, _close,
    done="Closed; the reference is kept.", inputs=_document, closes=True, in_groups=True,
)  # fmt: skip
