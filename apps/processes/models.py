"""Saga runs and their steps: what is stuck, since when, and why, is read here; and what people decided about it."""

from django.db import models
from django.db.models import Q

from apps.core.money import Money
from apps.core.states import Audited
from apps.exceptions.models import ExceptionCase
from apps.processes.states import UNFINISHED_RUNS, ItemState, JobState, RulingState, RunState, StepState


class ProcessRun(models.Model):
    """One saga at work on one object. `notes` holds the small facts its steps pass on (ids, references)."""

    id = models.CharField(primary_key=True, max_length=24)
    saga = models.CharField(max_length=40)
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    stream_key = models.CharField(max_length=160)
    state = models.CharField(max_length=14, choices=RunState.choices, default=RunState.RUNNING)
    step = models.CharField(max_length=40, blank=True, help_text="The step it stands at")
    notes = models.JSONField(default=dict)
    trigger = models.JSONField(default=dict, help_text="Payload of the event that started it")
    correlation_id = models.CharField(max_length=64, db_index=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # When the watchdog looks at it: the step it stands at should be over by then.
    overdue_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["saga", "subject_id"],
                condition=Q(state__in=[state for state in UNFINISHED_RUNS if state != RunState.QUEUED]),
                name="one_run_at_work_per_object",
            )
        ]
        indexes = [
            models.Index(fields=["overdue_at"], condition=Q(overdue_at__isnull=False), name="run_overdue"),
            models.Index(fields=["stream_key"], condition=Q(state__in=UNFINISHED_RUNS), name="run_at_work"),
            models.Index(fields=["subject_id"], name="run_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.saga} of {self.subject_id}"


class ProcessStep(models.Model):
    """One step of a run, once it has been reached. `answer` is what the awaited event brought."""

    id = models.CharField(primary_key=True, max_length=24)
    run = models.ForeignKey(ProcessRun, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=14, choices=StepState.choices, default=StepState.RUNNING)
    attempt = models.PositiveSmallIntegerField(default=1)
    waits_for = models.CharField(max_length=60, blank=True)
    command_key = models.CharField(max_length=64, blank=True)
    answer = models.JSONField(default=dict)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="step_once_per_run")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.name}"


class Ruling(models.Model):
    """A decision on a case that is not over at once: it waits for a second person or for a day, and is kept for good.

    content: JSON of exactly what is decided; an approval is bound to its hash.
    original_command, command_key: of an edited payload, the command as it was and the key the edited one goes under.
    """

    id = models.CharField(primary_key=True, max_length=24)
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="rulings")
    decision = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=RulingState.choices)
    step_id = models.CharField(max_length=24, blank=True)
    # The step's attempt the decision was made about; a later one is another matter.
    attempt = models.PositiveSmallIntegerField(default=0)
    content = models.JSONField(default=dict)
    approval_id = models.CharField(max_length=24, blank=True, db_index=True)
    original_command = models.BigIntegerField(null=True)
    command_key = models.CharField(max_length=64, blank=True)
    due_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=160)
    why = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=RulingState.WAITING), name="ruling_waits"),
            models.Index(fields=["command_key"], condition=~Q(command_key=""), name="ruling_edited"),
            models.Index(fields=["original_command"], name="ruling_original"),
        ]

    def __str__(self) -> str:
        return f"{self.decision} on {self.case_id} ({self.state})"


class Job(Audited):
    """One decision on a frozen selection of cases. Shown as ``JOB-<number>``."""

    decision = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=24, blank=True)
    title = models.CharField(max_length=160)
    inputs = models.JSONField(default=dict)
    why = models.TextField(blank=True)
    by = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.PLANNED)
    # How many go first and must help before the others follow; 0: all at once.
    canary = models.PositiveSmallIntegerField(default=0)
    planned_at = models.DateTimeField()
    starts_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["starts_at"], condition=Q(state=JobState.RUNNING), name="job_running")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """``JOB-7``: what people say to each other."""
        return f"JOB-{self.pk}"


class JobItem(models.Model):
    """One case of a job. `rank` puts customers before projects before invoices; `note` says why it is as it is."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.PLANNED)
    rank = models.PositiveSmallIntegerField(default=0)
    stream_key = models.CharField(max_length=160, blank=True)
    system = models.CharField(max_length=40, blank=True)
    needs_approval = models.BooleanField(default=False)
    amount = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    currency = models.CharField(max_length=3, blank=True)
    note = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # The case's version right after the decision was taken: what is newer is its outcome.
    taken_version = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "case"], name="case_once_per_job")]
        indexes = [models.Index(fields=["job", "state", "rank"], name="job_item_next")]

    def __str__(self) -> str:
        return f"{self.case_id} in {self.job_id}"

    @property
    def money(self) -> Money | None:
        """Money at risk when the job was planned, None when none was."""
        return Money(self.amount, self.currency) if self.amount is not None else None
