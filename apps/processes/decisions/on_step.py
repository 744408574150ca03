"""Decisions that are carried out by the engine travel as an event on the run's own stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.canonical import events
from apps.events import inbox
from apps.events.models import DeliveryAttempt, OutboxCommand
from apps.events.states import CommandState
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.definition import Asked
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import StepState


def tell_engine(asked: Asked, decision: str, extra: Mapping[str, Any] | None = None) -> None:
    """Put the decision in its stream's line, in the caller's transaction. The same version of a case tells once."""
    told = {"decision": decision, "case": asked.case.pk, "by": asked.by.key, "why": asked.why, **(extra or {})}
    external_id = f"decision:{asked.case.pk}:{asked.case.version}:{decision}"
    _tell(asked.case, told, external_id=external_id)


def tell_engine_later(case: ExceptionCase, ruling: Ruling, decision: str, extra: Mapping[str, Any]) -> None:
    """As `tell_engine`, for a decision whose turn has come only now. It counts for the attempt it was made about."""
    told = {"decision": decision, "case": case.pk, "by": ruling.by, "why": ruling.why, "attempt": ruling.attempt}
    _tell(case, {**told, **extra}, external_id=f"ruling:{ruling.pk}:{decision}")


def _tell(case: ExceptionCase, told: Mapping[str, Any], *, external_id: str) -> None:
    inbox.store(
        [
            inbox.message(
                events.DECISION_TAKEN,
                told,
                stream_key=case.stream_key,
                external_id=external_id,
                correlation_id=case.correlation_id,
                causation_id=case.number,
                reference=case.reference,
            )
        ]
    )


def must_be(step: ProcessStep | None, *states: StepState) -> str:
    """Why a decision about a step cannot be taken; empty when the step is in one of `states`."""
    if step is None:
        return "This case is not about a step of a process."
    if step.state not in states:
        return f"The step {step.name} is {step.get_state_display().lower()} by now."
    return ""


def is_outcome_unknown(step: ProcessStep | None) -> bool:
    """Whether the step's last command may have happened and nobody could find out; whatever the case at hand is about."""
    if step is None:
        return False
    if "last_attempt" not in step.__dict__:
        tries = DeliveryAttempt.objects.filter(command__reference=step.pk).order_by("-command_id", "-lease_token")
        step.__dict__["last_attempt"] = tries.select_related("command").first()
    last = step.__dict__["last_attempt"]
    return last is not None and last.command.state == CommandState.DEAD and last.outcome == "unknown"


def last_command(step: ProcessStep | None) -> OutboxCommand | None:
    """What the step asked of another system last. Looked up once: several decisions on one page want to know."""
    if step is None:
        return None
    if "last_command" not in step.__dict__:
        step.__dict__["last_command"] = OutboxCommand.objects.filter(reference=step.pk).order_by("-pk").first()
    found: OutboxCommand | None = step.__dict__["last_command"]
    return found


def look_ahead(steps: Sequence[ProcessStep]) -> None:
    """Find for many steps at once what `last_command` and `is_outcome_unknown` want to know. Two queries."""
    references = [step.pk for step in steps]
    commands = OutboxCommand.objects.filter(reference__in=references).order_by("reference", "-pk")
    last_commands = {command.reference: command for command in commands.distinct("reference")}
    tries = DeliveryAttempt.objects.filter(command__in=last_commands.values()).order_by("command_id", "-lease_token")
    last_tries = {each.command_id: each for each in tries.select_related("command").distinct("command_id")}
    for step in steps:
        command = last_commands.get(step.pk)
        step.__dict__["last_command"] = command
        step.__dict__["last_attempt"] = last_tries.get(command.pk) if command else None


def event_number(case: ExceptionCase) -> int | None:
    """The inbox event a case is about, None when it is about something else."""
    kind, _, number = case.reference.partition("-")
    return int(number) if kind == "EVT" and number.isdigit() else None


def command_number(case: ExceptionCase) -> int | None:
    """The outbox command a case is about, None when it is about something else."""
    kind, _, number = case.reference.partition("-")
    return int(number) if kind == "CMD" and number.isdigit() else None
