"""Saga runs and their steps: what is stuck, since when, and why, is read here."""

from django.db import models
from django.db.models import Q

from apps.processes.states import UNFINISHED_RUNS, RunState, StepState


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
