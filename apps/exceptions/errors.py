"""What the case room refuses."""

from apps.core.errors import TieoutError


class NotPossible(TieoutError):
    """The case is not in a state that allows this; the text names the state and what is possible."""
