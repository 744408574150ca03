"""Connected systems: where each one is, what it bears, whether it may be called now; and the slots of its concurrency limit."""

from typing import Any

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q


class BreakerState(models.TextChoices):
    """closed: calls go out; open: none does; half_open: one leased probe is on its way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class SystemKind(models.TextChoices):
    """What a system is in the estate; the system-of-record matrix names owners by these words."""

    CRM = "crm"
    CPQ = "cpq"
    PSA = "psa"
    TIME = "time"
    ERP = "erp"
    REVENUE = "revenue"
    TAX = "tax"
    ESIGN = "esign"
    OTHER = "other"


class ConnectedSystem(models.Model):
    """One account at one vendor, reached by its own connector. Limits hold for the account, over all our processes."""

    code = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=120)
    vendor = models.SlugField(max_length=40, help_text="Name of a connector, as registry.py lists them.")
    kind = models.CharField(
        max_length=10,
        choices=SystemKind.choices,
        default=SystemKind.OTHER,
        help_text="Decides which fields it may write, see the system-of-record matrix.",
    )
    base_url = models.URLField(max_length=300)
    secret_ref = models.CharField(
        max_length=80,
        validators=[
            RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dot, dash and underscore only.")
        ],
        help_text="Name of the secret file, without .json; secrets themselves are never kept here.",
    )
    settings = models.JSONField(
        default=dict, blank=True, help_text="What the connector lets a tenant set, see its README."
    )
    # Raised by every full save; connectors made for an older version are thrown away.
    version = models.PositiveIntegerField(default=1, editable=False)

    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True, blank=True, help_text="No call leaves before this instant, UTC.")
    paused_reason = models.CharField(max_length=300, blank=True)

    rate_per_s = models.FloatField(
        default=10, validators=[MinValueValidator(0.01)], help_text="Ceiling; less after a 429."
    )
    burst = models.PositiveIntegerField(default=10, validators=[MinValueValidator(1)])
    max_concurrency = models.PositiveIntegerField(default=8, validators=[MinValueValidator(1)])
    timeout_s = models.FloatField(default=30, validators=[MinValueValidator(0.1)])
    max_in_flight_s = models.FloatField(
        default=60,
        validators=[MinValueValidator(0)],
        help_text="Longest the vendor may still work on a call we gave up on.",
    )

    poll_every_s = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.1)], help_text="Empty: never polled."
    )
    poll_cursor = models.TextField(blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    poll_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    poll_lease_token = models.BigIntegerField(default=0, editable=False)

    breaker_state = models.CharField(
        max_length=10, choices=BreakerState.choices, default=BreakerState.CLOSED, editable=False
    )
    breaker_failures = models.PositiveIntegerField(default=0, editable=False)
    breaker_opened_at = models.DateTimeField(null=True, editable=False)
    breaker_probe_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(rate_per_s__gt=0), name="connected_system_rate_is_positive"),
            models.CheckConstraint(condition=Q(max_concurrency__gt=0), name="connected_system_has_a_slot"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raise the version with every full save, so that each process makes a fresh connector."""
        if not self._state.adding and kwargs.get("update_fields") is None:
            self.version = F("version") + 1
        super().save(*args, **kwargs)
        if hasattr(self.version, "resolve_expression"):
            self.refresh_from_db(fields=["version"])


class ConcurrencySlot(models.Model):
    """The right to have one call in flight to a system. Leased: the slot of a dead process comes back by itself."""

    id = models.BigAutoField(primary_key=True)
    system = models.ForeignKey(ConnectedSystem, on_delete=models.CASCADE, related_name="slots")
    n = models.PositiveIntegerField()
    holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "n"], name="one_slot_per_number")]
        indexes = [models.Index(fields=["holder"], condition=~Q(holder=""), name="slot_holder")]

    def __str__(self) -> str:
        return f"{self.system_id} slot {self.n}"
