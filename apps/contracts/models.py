"""Customers, our legal entities, and the contracts between them."""

from datetime import datetime
from decimal import Decimal

from django.db import models
from django_fsm import FSMField, transition

from apps.audit.lifecycle import known_state, listed_moves
from apps.contracts.states import ACCOUNT_MOVES, CONTRACT_MOVES, AccountState, ContractState
from apps.core.actor import Actor
from apps.core.states import StatefulModel


class LegalEntity(models.Model):
    """One of our own companies. `erp` and `crm` are codes of connected systems; `zone` dates its books."""

    code = models.CharField(primary_key=True, max_length=20)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, help_text="ISO 3166 alpha-2")
    currency = models.CharField(max_length=3, help_text="Functional currency, ISO 4217")
    zone = models.CharField(max_length=60, help_text="IANA time zone, e.g. Europe/Berlin")
    tax_registration = models.CharField(max_length=40, blank=True)
    erp = models.CharField(max_length=40, help_text="Code of the connected ERP that keeps its books")
    tax_engine = models.CharField(max_length=40, default="tax")
    also_bills_in = models.JSONField(
        default=list, blank=True, help_text="Other currencies its ERP is set up to bill in"
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.code


class Account(StatefulModel):
    """A customer. Owned by the CRM; credit hold and terms by the ERP (see governance)."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=AccountState.choices, default=AccountState.PROSPECT, protected=True)
    source_system = models.CharField(max_length=40)
    ref = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    tax_id = models.CharField(max_length=60, blank=True)
    country = models.CharField(max_length=2, blank=True)
    parent_ref = models.CharField(max_length=64, blank=True)
    bill_to = models.JSONField(null=True, blank=True)
    payment_terms_days = models.PositiveSmallIntegerField(default=30)
    domain = models.CharField(max_length=255, blank=True)
    credit_hold = models.BooleanField(default=False)
    # What two spellings of one customer have in common; kept by `likeness.py`, read by the duplicate check.
    name_key = models.CharField(max_length=255, blank=True, editable=False)
    tax_key = models.CharField(max_length=60, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_system", "ref"], name="account_once_per_source"),
            known_state(AccountState, name="account_state_known"),
        ]
        indexes = [
            models.Index(fields=["name"], name="account_name"),
            models.Index(fields=["name_key", "country"], name="account_alike"),
            models.Index(fields=["tax_key"], condition=~models.Q(tax_key=""), name="account_tax_key"),
        ]
        triggers = [listed_moves(ACCOUNT_MOVES)]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @transition(field=state, source=AccountState.PROSPECT, target=AccountState.ACTIVE)
    def activate(self, *, by: Actor) -> None:
        """The customer has signed something."""

    @transition(field=state, source=AccountState.ACTIVE, target=AccountState.ON_HOLD)
    def hold(self, *, by: Actor) -> None:
        """No new work until released."""

    @transition(field=state, source=AccountState.ON_HOLD, target=AccountState.ACTIVE)
    def release(self, *, by: Actor) -> None:
        """The hold is lifted."""

    @transition(field=state, source=AccountState.ACTIVE, target=AccountState.MERGED)
    def merge(self, *, by: Actor) -> None:
        """Another account goes on in its place."""

    @transition(field=state, source=AccountState.ACTIVE, target=AccountState.INACTIVE)
    def retire(self, *, by: Actor) -> None:
        """No longer a customer."""


class Contract(StatefulModel):
    """What was sold. `revision` counts its commercial versions; `terms_hash` is what approvals are bound to."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=ContractState.choices, default=ContractState.DRAFT, protected=True)
    source_system = models.CharField(max_length=40)
    ref = models.CharField(max_length=64)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="contracts")
    name = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    value = models.DecimalField(max_digits=20, decimal_places=6)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    po_number = models.CharField(max_length=60, blank=True)
    po_amount = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    delivery_model = models.CharField(max_length=40, blank=True)
    revision = models.PositiveIntegerField(default=1)
    terms_hash = models.CharField(max_length=64)
    stream_key = models.CharField(max_length=120)
    correlation_id = models.CharField(max_length=64, db_index=True)
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_system", "ref"], name="contract_once_per_source"),
            known_state(ContractState, name="contract_state_known"),
        ]
        triggers = [listed_moves(CONTRACT_MOVES)]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @transition(field=state, source=ContractState.DRAFT, target=ContractState.PENDING_APPROVAL)
    def submit(self, *, by: Actor) -> None:
        """The terms are complete; the owner of contracts may approve."""

    @transition(field=state, source=ContractState.PENDING_APPROVAL, target=ContractState.APPROVED)
    def approve(self, *, by: Actor, at: datetime) -> None:
        """Commercially true: the opportunity is won and signed. Projects may be requested."""
        self.approved_at = at

    @transition(field=state, source=ContractState.APPROVED, target=ContractState.ACTIVE)
    def activate(self, *, by: Actor) -> None:
        """The first of its projects is active."""

    @transition(field=state, source=ContractState.ACTIVE, target=ContractState.SUSPENDED)
    def suspend(self, *, by: Actor) -> None:
        """Nothing is delivered or billed until resumed."""

    @transition(field=state, source=ContractState.SUSPENDED, target=ContractState.ACTIVE)
    def resume(self, *, by: Actor) -> None:
        """Delivery and billing go on."""

    @transition(field=state, source=ContractState.ACTIVE, target=ContractState.COMPLETED)
    def complete(self, *, by: Actor) -> None:
        """Everything delivered and billed."""

    @transition(
        field=state,
        source=[ContractState.APPROVED, ContractState.ACTIVE, ContractState.SUSPENDED],
        target=ContractState.TERMINATED,
    )
    def terminate(self, *, by: Actor) -> None:
        """Ended before its time."""


class ContractRevision(models.Model):
    """One numbered version of a contract's terms, as canonical JSON. Never changed once written."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    terms = models.JSONField()
    terms_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contract", "number"], name="revision_once_per_number")]

    def __str__(self) -> str:
        return f"{self.contract_id} v{self.number}"


class ContractLine(models.Model):
    """What one legal entity delivers under a contract. `legal_entity` is as the CRM says, not checked yet.

    A line the contract no longer has is kept and says which revision dropped it.
    """

    id = models.CharField(primary_key=True, max_length=24)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="lines")
    ref = models.CharField(max_length=64)
    legal_entity = models.CharField(max_length=64, blank=True)
    service_line = models.CharField(max_length=64, blank=True)
    billing_method = models.CharField(max_length=64, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=6, default=Decimal(0))
    milestones_in_order = models.BooleanField(
        default=True, help_text="A milestone is billed only after those before it"
    )
    removed_in = models.PositiveIntegerField(null=True, blank=True, help_text="The revision that no longer has it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contract", "ref"], name="line_once_per_contract")]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.ref}"


class TaxProfile(models.Model):
    """How an account is taxed by an entity for a service line, from `valid_from` until `valid_to` (open when null)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tax_profiles")
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT)
    service_line = models.CharField(max_length=64)
    treatment = models.CharField(max_length=20)
    code = models.CharField(max_length=20)
    rate_percent = models.DecimalField(max_digits=7, decimal_places=4)
    jurisdiction = models.CharField(max_length=60, blank=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=40)
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "legal_entity", "service_line", "valid_from"], name="tax_profile_once_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.legal_entity_id} {self.code}"
