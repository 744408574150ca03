"""Rules people edit, approvals people give, and which record of which system is which of ours."""

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from apps.audit.lifecycle import known_state, listed_moves
from apps.core import clock
from apps.core.actor import Actor
from apps.core.money import Money
from apps.core.states import StatefulModel
from apps.governance.rules import GovernedRule, approved_before_live, four_eyes, one_live
from apps.governance.states import (
    APPROVAL_MOVES,
    RULE_MOVES,
    ApprovalState,
    Direction,
    Gate,
    Policy,
    RuleState,
    Strictness,
    SystemKind,
)

EVERY_FIELD = "*"


class SystemOfRecordRule(GovernedRule):
    """Who owns one field of one object. `field` ``*`` stands for every field without a rule of its own."""

    domain = models.CharField(max_length=60)
    object = models.CharField(max_length=40)
    field = models.CharField(max_length=60, default=EVERY_FIELD)
    owner = models.CharField(max_length=12, choices=SystemKind.choices)
    pattern = models.CharField(max_length=80)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.OUT)
    conflict_policy = models.CharField(max_length=12, choices=Policy.choices, default=Policy.REJECT)
    # Another system may give the first value of an empty field: a CRM names terms before the ERP knows the customer.
    others_may_fill = models.BooleanField(default=False)
    priority = models.CharField(max_length=80)
    steward = models.CharField(max_length=30)
    approvers = models.JSONField(default=list)

    class Meta:
        constraints = [
            known_state(RuleState, name="sor_known_state"),
            four_eyes("sor_four_eyes"),
            approved_before_live("sor_approved_before_live"),
            one_live("object", "field", name="sor_one_live_owner"),
        ]
        triggers = [listed_moves(RULE_MOVES)]

    def __str__(self) -> str:
        return f"{self.object}.{self.field}: {self.owner} (revision {self.revision}, {self.state})"


class QualityRule(GovernedRule):
    """Whether and how strictly one check of `quality.py` is asked at a gate."""

    code = models.CharField(max_length=40)
    title = models.CharField(max_length=160)
    gate = models.CharField(max_length=12, choices=Gate.choices)
    strictness = models.CharField(max_length=6, choices=Strictness.choices, default=Strictness.STOP)
    is_on = models.BooleanField(default=True)
    settings = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            known_state(RuleState, name="quality_known_state"),
            four_eyes("quality_four_eyes"),
            approved_before_live("quality_approved_before_live"),
            one_live("code", "gate", name="quality_one_live"),
        ]
        triggers = [listed_moves(RULE_MOVES)]

    def __str__(self) -> str:
        return f"{self.code} before {self.gate} (revision {self.revision}, {self.state})"


class ContractVersion(GovernedRule):
    """One published version of a canonical object's or event's JSON Schema, and who reads it."""

    name = models.CharField(max_length=60)
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    schema_hash = models.CharField(max_length=64)
    is_breaking = models.BooleanField(default=False)
    changes = models.JSONField(default=list, blank=True)
    consumers = models.JSONField(default=list, blank=True)
    migrate_by = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            known_state(RuleState, name="contract_version_known_state"),
            four_eyes("contract_version_four_eyes"),
            approved_before_live("contract_version_approved"),
            one_live("name", "number", name="contract_version_once"),
        ]
        triggers = [listed_moves(RULE_MOVES)]

    def __str__(self) -> str:
        return f"{self.name} v{self.number} ({self.state})"


class ApprovalPolicy(GovernedRule):
    """From which amount on which role must approve. An empty entity or currency means any.

    Without a currency the threshold can only be zero: an amount says nothing before one knows of what.
    """

    kind = models.CharField(max_length=40)
    entity = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    threshold = models.DecimalField(max_digits=20, decimal_places=6, default=0)
    role = models.CharField(max_length=30, blank=True, help_text="Empty: nobody has to agree.")

    class Meta:
        verbose_name_plural = "approval policies"
        constraints = [
            known_state(RuleState, name="approval_policy_known_state"),
            four_eyes("approval_policy_four_eyes"),
            approved_before_live("approval_policy_approved"),
            one_live("kind", "entity", "currency", "threshold", name="approval_policy_one_live"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0) & (Q(threshold=0) | ~Q(currency="")), name="approval_policy_threshold"
            ),
        ]
        triggers = [listed_moves(RULE_MOVES)]

    def __str__(self) -> str:
        return f"{self.kind} from {self.threshold} {self.currency or 'any currency'}: {self.role} ({self.state})"


class ValueMap(GovernedRule):
    """What one of our values is called in one system, for one entity (empty: for all)."""

    system = models.CharField(max_length=40)
    entity = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40)
    source = models.CharField(max_length=160)
    target = models.CharField(max_length=160)

    class Meta:
        constraints = [
            known_state(RuleState, name="value_map_known_state"),
            four_eyes("value_map_four_eyes"),
            approved_before_live("value_map_approved"),
            one_live("system", "entity", "kind", "source", name="value_map_one_live"),
        ]
        triggers = [listed_moves(RULE_MOVES)]

    def __str__(self) -> str:
        return f"{self.system} {self.entity or 'all'} {self.kind}: {self.source} = {self.target} ({self.state})"


class Approval(StatefulModel):
    """A demand that a second person agrees to exactly this. `payload_hash` says what "this" is."""

    id = models.CharField(max_length=20, primary_key=True)
    kind = models.CharField(max_length=40)
    state = FSMField(choices=ApprovalState.choices, default=ApprovalState.REQUESTED, protected=True)
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    stream_key = models.CharField(max_length=160, blank=True)
    reference = models.CharField(max_length=64, blank=True, help_text="The step that waits.")
    role = models.CharField(max_length=30)
    entity = models.CharField(max_length=64, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    summary = models.CharField(max_length=255, blank=True)
    payload_hash = models.CharField(max_length=64)
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        constraints = [
            known_state(ApprovalState, name="approval_known_state"),
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("requested_by")), name="approval_never_by_its_maker"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[ApprovalState.GRANTED, ApprovalState.REFUSED])
                | (~Q(decided_by="") & Q(decided_at__isnull=False)),
                name="approval_decided_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["role", "requested_at"], condition=Q(state="requested"), name="approval_queue"),
            models.Index(fields=["subject_id", "kind"], name="approval_subject"),
            models.Index(fields=["reference"], name="approval_reference"),
        ]
        triggers = [listed_moves(APPROVAL_MOVES)]

    def __str__(self) -> str:
        return f"{self.id} {self.kind} of {self.subject_id} ({self.state})"

    @property
    def money(self) -> Money | None:
        """What it is about in money, None when it is not."""
        return Money(self.amount, self.currency) if self.amount is not None else None

    @transition(field=state, source=ApprovalState.REQUESTED, target=ApprovalState.GRANTED)
    def grant(self, *, by: Actor, reason: str) -> None:
        """A second person agrees."""
        self._decide(by, reason)

    @transition(field=state, source=ApprovalState.REQUESTED, target=ApprovalState.REFUSED)
    def refuse(self, *, by: Actor, reason: str) -> None:
        """A second person says no."""
        self._decide(by, reason)

    @transition(field=state, source=[ApprovalState.REQUESTED, ApprovalState.GRANTED], target=ApprovalState.VOIDED)
    def void(self, *, by: Actor) -> None:
        """What was to be approved has changed; who decided stays on record."""

    @transition(field=state, source=[ApprovalState.REFUSED, ApprovalState.VOIDED], target=ApprovalState.REQUESTED)
    def renew(self, *, by: Actor) -> None:
        """The same thing is asked again; the audit trail keeps the first answer."""
        self.requested_by, self.requested_at = by.key, clock.now()
        self.decided_by, self.decided_at, self.why = "", None, ""

    def _decide(self, by: Actor, reason: str) -> None:
        self.decided_by, self.decided_at, self.why = by.key, clock.now(), reason


class ExternalId(models.Model):
    """One record of one connected system that is one of our objects. `version` is that system's own, if it has any."""

    canonical_id = models.CharField(max_length=40)
    system = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    external_id = models.CharField(max_length=160)
    version = models.CharField(max_length=80, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "kind", "external_id"], name="external_id_is_one_of_ours"),
            models.UniqueConstraint(fields=["canonical_id", "system", "kind"], name="one_external_id_per_system"),
        ]

    def __str__(self) -> str:
        return f"{self.canonical_id} = {self.system} {self.kind} {self.external_id}"
