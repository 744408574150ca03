"""What answers a waiting step: receipts of commands, approvals, decisions and the watchdog's reminder."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from apps.canonical import events
from apps.canonical.codec import from_json
from apps.canonical.commands import COMMANDS
from apps.core.context import correlated
from apps.events.states import EventState
from apps.exceptions.findings import Finding
from apps.processes import parking
from apps.processes.batch import Batch
from apps.processes.consumer import reference_of
from apps.processes.definition import Sending
from apps.processes.engine import Engine
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.parking import FAILED_RECEIPTS
from apps.processes.registry import SAGAS
from apps.processes.resending import ResendingEngine
from apps.processes.states import RunState, StepState
from apps.processes.told import Told


def resume(batch: Batch, told: Sequence[Told]) -> None:
    """Take each event to the step it names. A few queries for the set, and one per table of facts.

    An answer nobody waits for any more is kept and changes nothing.
    """
    steps = _steps(batch, told)
    engine = ResendingEngine(batch, sagas=SAGAS)
    engine.load([run for run, _, _ in steps.values()], [step for _, _, own in steps.values() for step in own])
    for each in told:
        found = steps.get(each.event.reference)
        if found is None:
            _unclaimed(batch, each)
            continue
        run, step, own = found
        with correlated(run.correlation_id, causation=reference_of(each.event)):
            if (
                decision := _DECISIONS.get(str(each.payload.get("decision")))
                if each.name == events.DECISION_TAKEN
                else None
            ):
                # One that was agreed to for an earlier attempt of the step is about another matter.
                if each.payload.get("attempt", step.attempt) == step.attempt:
                    decision(engine, run, step, own, each.payload)
            elif each.name == events.STEP_OVERDUE:
                engine.overdue(run, step)
            else:
                engine.take(run, step, name=each.name, payload=each.payload)
    engine.start_queued()


def _steps(batch: Batch, told: Sequence[Told]) -> dict[str, tuple[ProcessRun, ProcessStep, list[ProcessStep]]]:
    """By step id: its run (locked), itself, and the run's reached steps: all where one may be undone, else just this."""
    named = {each.event.reference: each.name for each in told}
    runs_of = dict(ProcessStep.objects.filter(pk__in=named).values_list("pk", "run_id"))
    runs = batch.work.lock(ProcessRun, runs_of.values())
    whole = {run.pk for run in runs.values() if run.state == RunState.COMPENSATING}
    whole |= {run_id for pk, run_id in runs_of.items() if named[pk] == events.DECISION_TAKEN}
    by_run: dict[str, list[ProcessStep]] = {}
    for step in ProcessStep.objects.filter(Q(pk__in=runs_of) | Q(run_id__in=whole)).order_by("position"):
        by_run.setdefault(step.run_id, []).append(step)
    return {
        pk: (runs[run_id], next(step for step in by_run[run_id] if step.pk == pk), by_run[run_id])
        for pk, run_id in runs_of.items()
        if run_id in runs
    }


def _unclaimed(batch: Batch, told: Told) -> None:
    """A receipt without a step: a refused reading gets a case, for nobody else would hear of it."""
    if told.name not in FAILED_RECEIPTS:
        told.event.state = EventState.SUPERSEDED
        return
    park = parking.of_receipt(told.name, told.payload)
    batch.report(
        Finding(
            kind=park.kind,
            subject_type="event",
            subject_id=told.event.stream_key[:64],
            stream_key=told.event.stream_key,
            reference=told.event.causation_id,
            message=park.message,
            system=told.event.system,
            code=park.code,
            field=park.field[:60],
            awaiting=events.OPPORTUNITY_READ,
            evidence=dict(park.evidence),
            attempts=park.attempts,
            correlation_id=told.story,
        )
    )


_Decision = Callable[[ResendingEngine, ProcessRun, ProcessStep, list[ProcessStep], Mapping[str, Any]], None]


def _replay(
    engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    if step.state == StepState.COMPENSATING:
        engine.undo_again(run, step)
    else:
        engine.replay(run, step)


def _compensate(
    engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    engine.compensate(run, own, why=str(said.get("why", "")))


def _look_up(
    engine: ResendingEngine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    engine.look_up(run, step)


def _override(
    engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    engine.override(run, step, answer=said.get("answer", {}))


def _skip(engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]) -> None:
    engine.skip(run, step, why=str(said.get("why", "")))


def _waive(engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]) -> None:
    """Drop one demand and check again: the others still hold."""
    run.notes = {**run.notes, "waived": [*run.notes.get("waived", ()), str(said.get("demand", ""))]}
    engine.replay(run, step)


def _redate(
    engine: Engine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    run.notes = {**run.notes, "invoice_date": str(said["invoice_date"])}
    engine.replay(run, step)


def _resubmit(
    engine: ResendingEngine, run: ProcessRun, step: ProcessStep, own: list[ProcessStep], said: Mapping[str, Any]
) -> None:
    command = from_json(COMMANDS[str(said["command"])], said["body"])
    engine.resend(run, step, Sending(str(said["system"]), command, str(said["entity"])))


# Decisions travel as events on the run's own stream, so that they wait their turn like everything else.
_DECISIONS: dict[str, _Decision] = {
    "replay": _replay,
    "compensate": _compensate,
    "look_up": _look_up,
    "override": _override,
    "resubmit": _resubmit,
    "redate": _redate,
    "waive": _waive,
    "skip_step": _skip,
}
