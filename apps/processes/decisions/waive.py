"""waive and skip_step: one demand is dropped, or a step that nothing hangs on is left out; both with a reason."""

from apps.events import outbox
from apps.events.states import CommandState
from apps.exceptions.actions.sets import begin_resolving
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked, Decision
from apps.processes.decisions.on_step import last_command, must_be, tell_engine
from apps.processes.models import ProcessStep
from apps.processes.registry import SAGAS
from apps.processes.states import StepState

_ON_ITS_WAY = (CommandState.SENT, CommandState.UNKNOWN, CommandState.ACCEPTED)


def _waivable(case: ExceptionCase, step: ProcessStep | None) -> str:
    if step is None:
        return ""
    saga = SAGAS[case.saga]
    if not saga.steps[saga.position(step.name)].is_gate:
        return f"{step.name} does something that is needed later; it cannot be dropped."
    return must_be(step, StepState.PARKED)


def _waive(asked: Asked) -> None:
    if asked.step is not None:
        tell_engine(asked, "waive", {"demand": f"{asked.case.kind}:{asked.case.code}"})
        begin_resolving(asked.work, [asked.case.pk], by=asked.by, why=asked.why)
    else:
        # Nothing stands still for it: what was found is accepted as it is.
        asked.work.move(
            asked.case, "resolve", by=asked.by, why=asked.why, story=asked.case.correlation_id, resolution="waive"
        )


def _skippable(case: ExceptionCase, step: ProcessStep | None) -> str:
    if reason := must_be(step, StepState.PARKED, StepState.WAITING):
        return reason
    assert step is not None
    saga = SAGAS[case.saga]
    if not saga.steps[saga.position(step.name)].is_optional:
        return f"What {step.name} does is needed later; it cannot be left out."
    command = last_command(step)
    if command is not None and command.state in _ON_ITS_WAY:
        return "Its command is on its way and may still happen; look it up first."
    return ""


def _skip(asked: Asked) -> None:
    # What nobody has sent yet must not go out after all.
    outbox.cancel([asked.case.stream_key])
    tell_engine(asked, "skip_step")


WAIVE = Decision(
    "waive",
    "Waive",
    "cases.decide",
    _waivable,
    _waive,
    done="This demand is dropped; everything else is still checked.",
    closes=True,
    in_groups=True,
)
SKIP_STEP = Decision(
    "skip_step", "Skip step", "cases.decide", _skippable, _skip, done="Going on with the next step.",
    in_groups=True,
)  # fmt: skip
