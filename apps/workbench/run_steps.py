"""Runs of sagas as steppers: every step of the table with what became of it, its calls and its case."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.access.models import User
from apps.events.models import OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import visible_cases
from apps.exceptions.states import LIVE_STATES
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.registry import SAGAS
from apps.workbench.words import spoken

MOST_RUNS = 30
NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step; a step that was not reached yet has no times and no calls."""

    title: str
    state: str
    id: str = ""
    system: str = ""
    calls: int = 0
    waits_for: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    case: int | None = None


@dataclass(frozen=True, slots=True)
class RunCard:
    """One run with all steps of its saga, in the saga's order."""

    id: str
    title: str
    saga: str
    subject: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    correlation_id: str
    steps: tuple[StepLine, ...]


def runs_of(subject_ids: Collection[str], *, user: User) -> list[RunCard]:
    """The runs that worked on these objects, the latest first. Four queries."""
    runs = list(ProcessRun.objects.filter(subject_id__in=subject_ids).order_by("-started_at", "pk")[:MOST_RUNS])
    steps: dict[str, dict[str, ProcessStep]] = {}
    for step in ProcessStep.objects.filter(run__in=runs):
        steps.setdefault(step.run_id, {})[step.name] = step
    ids = [step.pk for of_run in steps.values() for step in of_run.values()]
    commands = {
        reference: (system, attempts)
        for reference, system, attempts in OutboxCommand.objects.filter(reference__in=ids)
        .order_by("id")
        .values_list("reference", "system", "attempts")
    }
    cases = dict(
        visible_cases(user).filter(reference__in=ids, state__in=LIVE_STATES).order_by().values_list("reference", "pk")
    )
    return [_card(run, steps.get(run.pk, {}), commands, cases) for run in runs]


def open_cases_of(subject_ids: Collection[str], *, user: User) -> list[ExceptionCase]:
    """Open cases about these objects that this person may see, the most urgent first. One query."""
    found = visible_cases(user).filter(subject_id__in=subject_ids, state__in=LIVE_STATES)
    return list(found.order_by("due_at", "pk")[:50])


def _card(
    run: ProcessRun,
    reached: Mapping[str, ProcessStep],
    commands: Mapping[str, tuple[str, int]],
    cases: Mapping[str, int],
) -> RunCard:
    saga = SAGAS.get(run.saga)
    names = [step.name for step in saga.steps] if saga else [step.name for step in _by_position(reached)]
    return RunCard(
        id=run.pk,
        title=spoken(run.saga),
        saga=run.saga,
        subject=run.subject_id,
        state=run.state,
        started_at=run.started_at,
        ended_at=run.ended_at,
        correlation_id=run.correlation_id,
        steps=tuple(_line(name, reached.get(name), commands, cases) for name in names),
    )


def _by_position(reached: Mapping[str, ProcessStep]) -> list[ProcessStep]:
    return sorted(reached.values(), key=lambda step: step.position)


def _line(
    name: str, step: ProcessStep | None, commands: Mapping[str, tuple[str, int]], cases: Mapping[str, int]
) -> StepLine:
    if step is None:
        return StepLine(spoken(name), NOT_STARTED)
    system, attempts = commands.get(step.pk, ("", 0))
    return StepLine(
        title=spoken(name),
        state=step.state,
        id=step.pk,
        system=system,
        calls=attempts,
        waits_for=_awaited(step) if step.state == "waiting" else "",
        started_at=step.started_at,
        ended_at=step.ended_at,
        error=step.error if step.state == "parked" else "",
        case=cases.get(step.pk),
    )


def _awaited(step: ProcessStep) -> str:
    """The events that end the wait, in words."""
    return " or ".join(spoken(name).lower() for name in step.waits_for.split())
