"""replay: the same input again, because what stood in the way is mended."""

from django.db.models import F

from apps.events import inbox
from apps.events.models import InboxEvent, OutboxCommand
from apps.events.states import CommandState, EventState
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked, Decision
from apps.processes.decisions.on_step import command_number, event_number, is_outcome_unknown, must_be, tell_engine
from apps.processes.models import ProcessStep
from apps.processes.states import StepState


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if event_number(case) is not None or command_number(case) is not None:
        return ""
    if is_outcome_unknown(step):
        return "Nobody knows yet whether it happened; look it up before anything is sent again."
    return must_be(step, StepState.PARKED, StepState.COMPENSATING)


def _take(asked: Asked) -> None:
    if (number := event_number(asked.case)) is not None:
        _read_again(number)
    elif (number := command_number(asked.case)) is not None:
        _ask_again(number)
    else:
        tell_engine(asked, "replay")


def _read_again(number: int) -> None:
    """A dead event becomes the newest of its stream: what came after it has been applied, and it is re-read whole."""
    event = InboxEvent.objects.select_for_update().get(pk=number)
    if event.state == EventState.DEAD:
        inbox.store([inbox.replay_of(event)])
        InboxEvent.objects.filter(pk=number).update(attempts=F("attempts") + 1)


def _ask_again(number: int) -> None:
    OutboxCommand.objects.filter(pk=number, state__in=(CommandState.REJECTED, CommandState.DEAD)).update(
        state=CommandState.PENDING, attempts=0, lookups=0, due_at=F("created_at"), lease_until=None, finished_at=None
    )


REPLAY = Decision(
    "replay",
    "Replay",
    "cases.decide",
    _possible,
    _take,
    done="Replaying; the case closes when it went through.",
    needs_why=False,
    in_groups=True,
)
