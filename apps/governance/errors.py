"""What the governance room refuses."""

from apps.access.errors import NotAllowed
from apps.core.errors import TieoutError


class NotYourDecision(NotAllowed):
    """This person may not decide this approval; the text says what they lack."""


class NotPossible(TieoutError):
    """The rule or approval is not in a state that allows this; the text names the state and what is possible."""
