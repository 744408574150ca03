"""What the access room refuses."""

from apps.core.errors import TieoutError


class NotAllowed(TieoutError):
    """This person may not do this here; the text says what they lack."""
