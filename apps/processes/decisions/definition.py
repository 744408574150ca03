"""What a decision is: a name, who may take it, when it is possible, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.access.models import User
from apps.audit.work import Work
from apps.core.actor import Actor
from apps.exceptions.models import ExceptionCase
from apps.processes.models import ProcessStep, Ruling


@dataclass(frozen=True, slots=True)
class Input:
    """One thing a decision has to be told. `value` is what the form starts with."""

    name: str
    label: str
    kind: Literal["text", "long_text", "date", "datetime", "number", "choice"] = "text"
    help: str = ""
    required: bool = True
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def no_inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    """The decision says it all."""
    return ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision on one case by one person. The case is held (locked, version checked) by the caller."""

    case: ExceptionCase
    step: ProcessStep | None
    user: User
    why: str
    inputs: Mapping[str, Any]
    work: Work

    @property
    def by(self) -> Actor:
        """The person, as audit lines name people."""
        return self.user.actor


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the registry.

    permission: what a person needs for the case's legal entity.
    possible:   why it cannot be taken now, in words for the person; empty when it can.
    take:       stores what the decision leads to, in the caller's transaction; the engine does the rest on the
                object's own stream, in its turn.
    inputs:     what it has to be told, as a form.
    closes:     `take` itself moves the case, or leaves it as it is; otherwise it is `resolving` until the outcome is seen.
    carry_out:  for a decision that waits: does it, once the second person has agreed or its day has come.
    in_groups:  may be taken on many cases at once.
    """

    name: str
    label: str
    permission: str
    possible: Callable[[ExceptionCase, ProcessStep | None], str]
    take: Callable[[Asked], None]
    done: str
    needs_why: bool = True
    inputs: Callable[[ExceptionCase, ProcessStep | None], tuple[Input, ...]] = no_inputs
    closes: bool = False
    carry_out: Callable[[Work, ExceptionCase, Ruling], None] | None = None
    second_person: bool = False
    in_groups: bool = False
