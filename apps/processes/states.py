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
