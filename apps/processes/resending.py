"""The engine, able to send what a person has edited in place of what a step had sent."""

from apps.core.ids import idempotency_key
from apps.processes.definition import Sending, Wait
from apps.processes.engine import Engine
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.states import StepState


class ResendingEngine(Engine):
    """As `Engine`, with one more way to go on."""

    def resend(self, run: ProcessRun, step: ProcessStep, sending: Sending) -> None:
        """Send another command for a parked step, under a new key: the old call is known not to have happened."""
        if step.state == StepState.PARKED and run.step == step.name:
            step.attempt += 1
            step.error_code = step.error = ""
            step.waits_for = " ".join(self._row(run).until or (type(sending.command).receipt,))
            step.command_key = next_key(step, attempt=step.attempt)
            self._order(run, step, sending)
            self._after(run, step, Wait())


def next_key(step: ProcessStep, *, attempt: int) -> str:
    """The key a step's command has at an attempt; known before it is sent, so that what is edited can be linked."""
    return idempotency_key(step.pk, attempt)
