"""The engine, able to send what a person has edited, and to wait for what a system is asked about again."""

from apps.core.ids import idempotency_key
from apps.processes.definition import Sending, Wait
from apps.processes.engine import Engine
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.states import RunState, StepState


class ResendingEngine(Engine):
    """As `Engine`, with two more ways to go on."""

    def resend(self, run: ProcessRun, step: ProcessStep, sending: Sending) -> None:
        """Send another command for a parked step, under a new key: the old call is known not to have happened."""
        if step.state == StepState.PARKED and run.step == step.name:
            step.attempt += 1
            step.error_code = step.error = ""
            step.waits_for = " ".join(self._row(run).until or (type(sending.command).receipt,))
            step.command_key = next_key(step, attempt=step.attempt)
            self._order(run, step, sending)
            self._after(run, step, Wait())

    def look_up(self, run: ProcessRun, step: ProcessStep) -> None:
        """A parked step whose command is being asked about again waits for the answer."""
        if step.state == StepState.PARKED:
            step.state, run.state = StepState.WAITING, RunState.RUNNING
            self._expect(run, self._row(run))


def next_key(step: ProcessStep, *, attempt: int) -> str:
    """The key a step's command has at an attempt; known before it is sent, so that what is edited can be linked."""
    return idempotency_key(step.pk, attempt)
