"""Cases: one row per failure that a person must see, and the notes people leave on it."""

from datetime import datetime

import pgtrigger
from django.db import models
from django_fsm import FSMField, transition

from apps.audit.lifecycle import known_state, listed_moves
from apps.core import clock
from apps.core.actor import Actor
from apps.core.money import Money
from apps.core.states import StatefulModel
from apps.exceptions.states import LIVE_STATES, MOVES, CaseState, Family, Severity

FIRST_NUMBER = 1001


class ExceptionCase(StatefulModel):
    """What stopped, for whom, with how much money behind it. Shown as ``EXC-<number>``.

    `title`, `severity`, `owner_role` start from the catalogue; what may be decided is read from there, not kept.
    """

    kind = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=24)
    family = models.CharField(max_length=10, choices=Family.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = FSMField(choices=CaseState.choices, default=CaseState.OPEN, protected=True)
    title = models.CharField(max_length=160)
    cause = models.TextField()
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    stream_key = models.CharField(max_length=160, blank=True)
    reference = models.CharField(max_length=64)
    awaiting = models.CharField(max_length=80, blank=True)
    saga = models.CharField(max_length=60, blank=True)
    step = models.CharField(max_length=60, blank=True)
    run_id = models.CharField(max_length=64, blank=True)
    system = models.CharField(max_length=40, blank=True)
    entity = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=120, blank=True)
    field = models.CharField(max_length=120, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    currency = models.CharField(max_length=3, null=True, blank=True)
    blocked = models.JSONField(default=list, blank=True)
    owner_role = models.CharField(max_length=30)
    assigned_to = models.CharField(max_length=160, blank=True, help_text="Key of the person, as in audit lines.")
    due_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    regressed = models.BooleanField(default=False)
    regressions = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    occurrences = models.PositiveIntegerField(default=1)
    evidence = models.JSONField(default=dict, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=60, blank=True)
    minutes_spent = models.PositiveIntegerField(default=0)
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        constraints = [
            known_state(CaseState, name="case_known_state"),
            models.UniqueConstraint(
                fields=["kind", "fingerprint", "subject_id", "reference"],
                condition=models.Q(state__in=LIVE_STATES),
                name="case_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True, currency__isnull=True)
                | models.Q(amount__isnull=False, currency__isnull=False),
                name="case_amount_has_currency",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "-amount", "id"], condition=models.Q(state__in=LIVE_STATES), name="case_queue"
            ),
            models.Index(fields=["fingerprint", "state"], name="case_group"),
            models.Index(fields=["subject_id", "fingerprint"], name="case_subject"),
            models.Index(fields=["reference"], condition=models.Q(state__in=LIVE_STATES), name="case_open_reference"),
            models.Index(fields=["assigned_to"], condition=models.Q(state__in=LIVE_STATES), name="case_open_assignee"),
            models.Index(fields=["-last_seen", "id"], name="case_last_seen"),
        ]
        triggers = [listed_moves(MOVES)]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        """``EXC-1042``: what people say to each other."""
        return f"EXC-{self.pk}"

    @property
    def money(self) -> Money | None:
        """Money at risk, None when none is."""
        if self.amount is None or self.currency is None:
            return None
        return Money(self.amount, self.currency)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act."""
        return self.state in LIVE_STATES

    @transition(field=state, source=[CaseState.OPEN, CaseState.ASSIGNED], target=CaseState.ASSIGNED)
    def assign(self, *, by: Actor, to: str) -> None:
        """`to` (an actor's key) looks after it from now on."""
        self.assigned_to = to

    @transition(field=state, source=CaseState.ASSIGNED, target=CaseState.OPEN)
    def release(self, *, by: Actor) -> None:
        """Back to the queue."""
        self.assigned_to = ""

    @transition(field=state, source=[CaseState.OPEN, CaseState.ASSIGNED], target=CaseState.RESOLVING)
    def begin(self, *, by: Actor) -> None:
        """A decision is being carried out; its outcome moves the case on."""

    @transition(field=state, source=CaseState.RESOLVING, target=CaseState.ASSIGNED)
    def hand_back(self, *, by: Actor) -> None:
        """The decision did not help; whoever had it has it again."""

    @transition(field=state, source=CaseState.RESOLVING, target=CaseState.OPEN)
    def requeue(self, *, by: Actor) -> None:
        """The decision did not help, and nobody had the case."""

    @transition(field=state, source=list(LIVE_STATES), target=CaseState.RESOLVED)
    def resolve(self, *, by: Actor, resolution: str) -> None:
        """What was stuck has moved on. `resolution` is the decision's name, or ``settled`` by itself."""
        self._close(resolution)

    @transition(field=state, source=list(LIVE_STATES), target=CaseState.DISMISSED)
    def dismiss(self, *, by: Actor) -> None:
        """A person says there is nothing to do; the same thing happening again opens it again."""
        self._close("dismiss")

    @transition(field=state, source=[CaseState.RESOLVED, CaseState.DISMISSED], target=CaseState.OPEN)
    def reopen(self, *, by: Actor, due_at: datetime, regressed: bool) -> None:
        """It is not over after all; `regressed` when it happened again by itself."""
        self.regressed = regressed
        self.regressions += int(regressed)
        self.due_at, self.resolved_at, self.resolution = due_at, None, ""
        self.assigned_to, self.escalated_at = "", None

    def _close(self, resolution: str) -> None:
        self.resolution, self.resolved_at, self.snoozed_until = resolution, clock.now(), None


class CaseNote(models.Model):
    """What a person wrote on a case. Notes outlive retries and are never changed."""

    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="notes")
    by = models.CharField(max_length=160)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.by} at {self.at:%Y-%m-%d %H:%M}"
