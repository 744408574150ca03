"""What the machine is doing with an event or a command."""

from django.db.models import TextChoices


class EventState(TextChoices):
    RECEIVED = "received", "Received"
    APPLIED = "applied", "Applied"
    # Of no interest, or overtaken by a newer reading of the same object.
    SUPERSEDED = "superseded", "Superseded"
    # Cannot be read or applied; a case is open.
    DEAD = "dead", "Dead letter"


class CommandState(TextChoices):
    PENDING = "pending", "Pending"
    # The intent is committed; the call is on its way.
    SENT = "sent", "Sent"
    # Nobody knows whether it happened; looked up by key before anything is sent again.
    UNKNOWN = "unknown", "Outcome unknown"
    # Taken on by the vendor, finished later; polled by handle.
    ACCEPTED = "accepted", "Accepted"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    REJECTED = "rejected", "Rejected"
    # Out of retries; a case is open.
    DEAD = "dead", "Dead letter"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (CommandState.PENDING, CommandState.SENT, CommandState.UNKNOWN, CommandState.ACCEPTED)
