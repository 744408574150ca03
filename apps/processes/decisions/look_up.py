"""look_up: settle an unknown outcome by asking the system under the idempotency key."""

from apps.events import bell, outbox
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked, Decision
from apps.processes.decisions.on_step import must_be, tell_engine
from apps.processes.models import ProcessStep
from apps.processes.states import StepState


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    return must_be(step, StepState.PARKED, StepState.COMPENSATING)


def _take(asked: Asked) -> None:
    assert asked.step is not None
    tell_engine(asked, "look_up")
    bell.ring_outbox(outbox.reopen_for_lookup([asked.step.pk]))


LOOK_UP = Decision(
    "look_up",
    "Look up",
    "cases.decide",
    _possible,
    _take,
    done="The system is being asked what it holds.",
    needs_why=False,
)
