"""override: a step goes on without its system, on the proof of a document, once a second person agrees."""

from apps.audit.work import Work
from apps.events.states import UNFINISHED
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import last_command, must_be, tell_engine_later
from apps.processes.decisions.proofs import DOCUMENT, PROOFS
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if reason := must_be(step, StepState.PARKED, StepState.WAITING):
        return reason
    command = last_command(step)
    if command is None:
        return "This step asked no other system, so there is nothing to go on without."
    if command.state in UNFINISHED:
        return "Its command is still on its way; wait for what comes of it."
    if command.name not in PROOFS:
        return "What this step brings cannot be typed in; mend the cause and replay."
    return ""


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    command = last_command(step)
    proof = PROOFS.get(command.name) if command else None
    return (DOCUMENT, *(proof.inputs if proof else ()))


def _take(asked: Asked) -> None:
    command = last_command(asked.step)
    assert command is not None
    answer = PROOFS[command.name].answer(command.body, asked.inputs)
    content = {
        "document": asked.inputs["document"],
        "command": command.name,
        "answer": {**answer, "command": command.name},
    }
    ruling = rulings.keep(
        asked, decision="override", content=content, state=RulingState.ASKED, original_command=command.pk
    )
    summary = f"go on without {command.system}, on {asked.inputs['document']}"
    rulings.ask_second_person(asked, ruling, kind="override", summary=summary)


def _carry_out(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    tell_engine_later(case, ruling, "override", {"answer": ruling.content["answer"]})


OVERRIDE = Decision(
    "override",
    "Override with proof",
    "cases.decide",
    _possible,
    _take,
    done="A second person is asked; it goes on when that one agrees.",
    inputs=_inputs,
    carry_out=_carry_out,
    second_person=True,
)
