"""What a decision is: a name, who may take it, when it is possible, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.actor import Actor
from apps.exceptions.models import ExceptionCase
from apps.processes.models import ProcessStep


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision on one case by one person. The case is held (locked, version checked) by the caller."""

    case: ExceptionCase
    step: ProcessStep | None
    by: Actor
    why: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the registry.

    permission: what a person needs for the case's legal entity.
    possible:   why it cannot be taken now, in words for the person; empty when it can.
    take:       stores what the decision leads to, in the caller's transaction; the engine does the rest on the
                object's own stream, in its turn.
    """

    name: str
    label: str
    permission: str
    possible: Callable[[ExceptionCase, ProcessStep | None], str]
    take: Callable[[Asked], None]
    done: str
    needs_why: bool = True
