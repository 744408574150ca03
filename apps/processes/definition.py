"""A saga is a table of steps. What a step may say, and what it is given, is defined here."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.canonical.commands import Command
from apps.core.actor import Actor
from apps.core.money import Money
from apps.processes.models import ProcessRun

if TYPE_CHECKING:
    from apps.processes.batch import Batch


@dataclass(slots=True)
class Ctx:
    """What a step decides over: its run, the facts loaded for the whole set, and where to put what changes."""

    run: ProcessRun
    facts: Any
    batch: "Batch"
    by: Actor

    @property
    def notes(self) -> dict[str, Any]:
        """Small facts this run's steps pass on; JSON."""
        return self.run.notes


@dataclass(frozen=True, slots=True)
class Entity:
    """The legal entity a run works for, as far as cases need it: whose business hours count."""

    code: str = ""
    country: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Park:
    """The step cannot go on; a case of `kind` is opened with it. `message` is for the person who must act."""

    kind: str
    message: str
    code: str = ""
    field: str = ""
    amount: Money | None = None
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: the step goes on when one of its `until` events comes (again)."""


@dataclass(frozen=True, slots=True)
class End:
    """The run is over on purpose, before its last step."""

    why: str


Outcome = Park | Wait | End | None


@dataclass(frozen=True, slots=True)
class Sending:
    """One command for one system."""

    system: str
    command: Command
    legal_entity: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a saga.

    run:   decides here and changes rows through the batch; may be run twice with no harm.
    send:  builds one command, None when there is nothing to send (the step is then skipped).
    until: names of the events that end the wait; a step that sends waits for its command's receipt by itself.
    then:  takes the awaited event in; the answer's JSON is what the receipt carries.
    undo:  builds the compensating command, None when nothing has to be undone outside.
    undone: takes the undoing in.
    is_gate: it only checks; a person may waive one of its demands, and the others still hold.
    is_optional: no later step needs what it does; a person may leave it out.
    due_within_h: hours after which a waiting step is overdue and gets a case of the kind `overdue`.
    """

    name: str
    run: Callable[[Ctx], Outcome] | None = None
    send: Callable[[Ctx], Sending | None] | None = None
    until: tuple[str, ...] = ()
    then: Callable[[Ctx, Mapping[str, Any]], Outcome] | None = None
    undo: Callable[[Ctx], Sending | None] | None = None
    undone: Callable[[Ctx, Mapping[str, Any]], None] | None = None
    is_gate: bool = False
    is_optional: bool = False
    due_within_h: float = 1.0
    overdue: str = "step_overdue"


@dataclass(frozen=True, slots=True)
class Saga:
    """A story as a table.

    load:    the facts of a set of runs, by run id: one query per table, rows that change locked through `batch.work`.
    ended:   called when a run ends before its last step; `compensated` when everything was undone.
    at_risk: the money that hangs on a run, for its cases; blocked: what waits for it, in words; shown: our values,
             by canonical name, to be held against what was sent and answered.
    """

    name: str
    starts_on: str
    subject_type: str
    steps: tuple[Step, ...]
    load: Callable[["Batch", Sequence[ProcessRun]], dict[str, Any]]
    at_risk: Callable[[Any], Money | None]
    entity_of: Callable[[Any], Entity]
    blocked: Callable[[Any], tuple[str, ...]] = lambda facts: ()
    shown: Callable[[Any], dict[str, Any]] = lambda facts: {}
    compensated: Callable[[Ctx], None] | None = None

    def position(self, name: str) -> int:
        """Where the step of this name stands in the table."""
        return next(number for number, step in enumerate(self.steps) if step.name == name)
