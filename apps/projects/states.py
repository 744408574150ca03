"""The lifecycles of projects and their tasks."""

from django.db.models import TextChoices


class ProjectState(TextChoices):
    REQUESTED = "requested", "Requested"
    VALIDATED = "validated", "Validated"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    RETURNED = "returned", "Returned"
    PROVISIONING = "provisioning", "Provisioning"
    ACTIVE = "active", "Active"
    ON_HOLD = "on_hold", "On hold"
    CLOSING = "closing", "Closing"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


BEFORE_ACTIVE = ("requested", "validated", "awaiting_approval", "returned", "provisioning")

PROJECT_MOVES = (
    ("requested", "validated"),
    ("validated", "awaiting_approval"),
    ("awaiting_approval", "provisioning"),
    ("awaiting_approval", "returned"),
    ("returned", "requested"),
    ("validated", "requested"),
    ("awaiting_approval", "requested"),
    ("provisioning", "active"),
    ("active", "on_hold"),
    ("on_hold", "active"),
    ("active", "closing"),
    ("closing", "closed"),
    *((state, "cancelled") for state in BEFORE_ACTIVE),
)


class TaskState(TextChoices):
    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


TASK_MOVES = (("planned", "open"), ("open", "completed"), ("planned", "cancelled"), ("open", "cancelled"))
