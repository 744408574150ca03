"""The tables that are the queues: streams, inbox, outbox, and every delivery attempt."""

from django.db import models
from django.db.models import F, Q

from apps.events.states import UNFINISHED, CommandState, EventState


class Stream(models.Model):
    """One business object's line of events. A worker leases it, drains it in order, and is fenced by `lease_token`.

    next_position: the position the next applied event gets. due_at: null when nothing waits.
    wakes: counts what came in, so that a worker who lets go sees what arrived meanwhile. All times are the database's.
    """

    key = models.CharField(primary_key=True, max_length=160)
    next_position = models.BigIntegerField(default=1)
    wakes = models.BigIntegerField(default=0)
    lease_token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="stream_due")]

    def __str__(self) -> str:
        return self.key


class InboxEvent(models.Model):
    """One event from outside (or from another stream), stored once and unread.

    `position` is given when a worker settles it under the stream's lease, so positions have no gaps.
    """

    id = models.BigAutoField(primary_key=True)
    system = models.CharField(max_length=40)
    external_id = models.CharField(max_length=160)
    stream_key = models.CharField(max_length=160)
    position = models.BigIntegerField(null=True)
    # Empty for a vendor's body nobody has read yet; the event's name for receipts and inner events.
    name = models.CharField(max_length=60, blank=True)
    body = models.BinaryField()
    reference = models.CharField(max_length=64, blank=True, help_text="The command this answers")
    state = models.CharField(max_length=12, choices=EventState.choices, default=EventState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64)
    causation_id = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "external_id"], name="event_stored_once"),
            models.UniqueConstraint(fields=["stream_key", "position"], name="event_position_once"),
        ]
        indexes = [
            models.Index(fields=["stream_key", "id"], condition=Q(state="received"), name="event_waiting"),
            models.Index(fields=["correlation_id"], name="event_story"),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.external_id}"


class OutboxCommand(models.Model):
    """One thing we ask of a system. Commands with one ordering key go one after another, in order of `id`.

    reply_to: the stream its receipt is put into. reference: the waiting step.
    """

    id = models.BigAutoField(primary_key=True)
    system = models.CharField(max_length=40)
    name = models.CharField(max_length=40)
    ordering_key = models.CharField(max_length=160)
    reply_to = models.CharField(max_length=160)
    reference = models.CharField(max_length=64, blank=True)
    body = models.JSONField()
    legal_entity = models.CharField(max_length=64, blank=True)
    idempotency_key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=12, choices=CommandState.choices, default=CommandState.PENDING)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lookups = models.PositiveSmallIntegerField(default=0)
    lease_token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    handle = models.CharField(max_length=255, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64)
    causation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # Both serve the claim alone, so their cost does not grow with history.
            models.Index(fields=["system", "due_at"], condition=Q(state__in=UNFINISHED), name="command_due"),
            models.Index(fields=["ordering_key", "id"], condition=Q(state__in=UNFINISHED), name="command_order"),
            models.Index(fields=["correlation_id"], name="command_story"),
            models.Index(fields=["reference"], condition=~Q(reference=""), name="command_of_step"),
        ]

    def __str__(self) -> str:
        return f"{self.name} to {self.system} ({self.idempotency_key})"


class DeliveryAttempt(models.Model):
    """One call to a vendor: written before it is made (the intent), completed with its outcome."""

    command = models.ForeignKey(OutboxCommand, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False)
    lease_token = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=[("execute", "Send"), ("lookup", "Look up"), ("poll", "Poll")])
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=60, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["command", "lease_token"], name="one_attempt_per_lease"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
                name="attempt_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of command {self.command_id}: {self.outcome or 'on its way'}"
