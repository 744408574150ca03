"""compensate: undo what was done, last step first, in the ERP too."""

from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked, Decision
from apps.processes.decisions.on_step import is_outcome_unknown, must_be, tell_engine
from apps.processes.models import ProcessStep
from apps.processes.states import StepState


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if is_outcome_unknown(step):
        return "Nobody knows yet whether the last command happened; look it up first, or the undo may miss it."
    return must_be(step, StepState.PARKED, StepState.WAITING)


def _take(asked: Asked) -> None:
    tell_engine(asked, "compensate")


COMPENSATE = Decision(
    "compensate", "Compensate: undo everything", "cases.decide", _possible, _take, done="Undoing, last step first."
)
