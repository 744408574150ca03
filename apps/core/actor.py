"""Actor: who does something, a person, a saga or a connected system."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `key` is what audit lines and the maker-checker rule compare."""

    kind: Literal["person", "saga", "system"]
    name: str

    @property
    def key(self) -> str:
        """``person:anna``, ``saga:milestone_billing``, ``system:hubspot``."""
        return f"{self.kind}:{self.name}"


def person(name: str) -> Actor:
    """A signed-in user, by user name."""
    return Actor("person", name)


def saga(name: str) -> Actor:
    """A saga, by its name."""
    return Actor("saga", name)


def system(code: str) -> Actor:
    """A connected system, by its code."""
    return Actor("system", code)
