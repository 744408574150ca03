"""What the machine is doing with a saga run and its steps."""

from django.db.models import TextChoices


class RunState(TextChoices):
    # Another run of the same saga works on the same object; this one starts when that ends.
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PARKED = "parked", "Parked"
    DONE = "done", "Done"
    COMPENSATING = "compensating", "Compensating"
    COMPENSATED = "compensated", "Compensated"
    # Ended on purpose before its last step: an approver refused, or the contract changed.
    ENDED = "ended", "Ended"


class StepState(TextChoices):
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    PARKED = "parked", "Parked"
    SKIPPED = "skipped", "Skipped"
    OVERRIDDEN = "overridden", "Overridden"
    COMPENSATING = "compensating", "Compensating"
    COMPENSATED = "compensated", "Compensated"
    ENDED = "ended", "Ended"


UNFINISHED_RUNS = (RunState.QUEUED, RunState.RUNNING, RunState.PARKED, RunState.COMPENSATING)


class RulingState(TextChoices):
    """What has become of a decision that is not over at once."""

    # A second person is asked.
    ASKED = "asked", "Waits for a second person"
    # A day, or a period that opens, is waited for.
    WAITING = "waiting", "Waits for its day"
    DONE = "done", "Carried out"
    REFUSED = "refused", "Refused"
    # The case had moved on before its turn came.
    LAPSED = "lapsed", "No longer needed"


class JobState(TextChoices):
    """A decision on many cases: looked at first, then carried out, the first few alone if wished."""

    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    # One of the first few did not help: a person says whether to go on.
    HALTED = "halted", "Halted"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class ItemState(TextChoices):
    PLANNED = "planned", "Planned"
    SKIPPED = "skipped", "Skipped"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    # Asked of a second person; it goes on by itself once that one has answered.
    ASKED = "asked", "Waits for a second person"
    CANCELLED = "cancelled", "Cancelled"
