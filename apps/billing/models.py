"""Milestones, invoices, credit memos, revenue and the periods they fall in."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django_fsm import FSMField, transition

from apps.audit.lifecycle import known_state, listed_moves
from apps.billing.states import (
    CREDIT_MEMO_MOVES,
    INVOICE_MOVES,
    MILESTONE_MOVES,
    REVENUE_MOVES,
    CreditMemoState,
    InvoiceState,
    MilestoneState,
    PeriodState,
    RevenueState,
)
from apps.contracts.models import Contract, LegalEntity
from apps.core.actor import Actor
from apps.core.states import StatefulModel
from apps.projects.models import Project


class Amount(models.DecimalField):
    """Major units of the row's currency, exact."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 20, "decimal_places": 6, **options})


class FiscalPeriod(models.Model):
    """One month of one entity's sub-ledger. `starts_on` is the first day, in the entity's zone."""

    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="periods")
    subledger = models.CharField(max_length=20, default="receivables")
    starts_on = models.DateField()
    ends_on = models.DateField()
    state = models.CharField(max_length=10, choices=PeriodState.choices, default=PeriodState.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "subledger", "starts_on"], name="period_once_per_ledger")
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity_id} {self.subledger} {self.starts_on:%Y-%m} {self.state}"


class BillingMilestone(StatefulModel):
    """A part of a contract line that is billed when it is achieved, at once or in parts.

    invoiced_amount counts live invoices, drafts included, so that parts can never pass the amount.
    """

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=MilestoneState.choices, default=MilestoneState.PLANNED, protected=True)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="milestones")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="milestones")
    line_ref = models.CharField(max_length=64)
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    legal_entity = models.CharField(max_length=64)
    service_line = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    amount = Amount()
    invoiced_amount = Amount(default=Decimal(0))
    held_back = Amount(default=Decimal(0))
    last_revision = models.PositiveIntegerField(default=0, help_text="Revision of its latest invoice")
    due_on = models.DateField(null=True, blank=True)
    achieved_on = models.DateField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contract", "line_ref", "code"], name="milestone_once_per_line"),
            models.CheckConstraint(
                condition=models.Q(invoiced_amount__lte=models.F("amount") - models.F("held_back")),
                name="milestone_never_overbilled",
            ),
            known_state(MilestoneState, name="milestone_state_known"),
        ]
        triggers = [listed_moves(MILESTONE_MOVES)]

    def __str__(self) -> str:
        return f"{self.code} {self.name} ({self.id})"

    @property
    def remaining(self) -> Decimal:
        """What may still be invoiced."""
        return self.amount - self.held_back - self.invoiced_amount

    @transition(field=state, source=[MilestoneState.PLANNED, MilestoneState.INVOICED], target=MilestoneState.ACHIEVED)
    def achieve(self, *, by: Actor, on: date, evidence: dict[str, object]) -> None:
        """Delivery says it is done, wholly or in a further part."""
        self.achieved_on = on
        self.evidence = evidence

    @transition(field=state, source=MilestoneState.ACHIEVED, target=MilestoneState.ELIGIBLE)
    def qualify(self, *, by: Actor) -> None:
        """Nothing stands in the way of an invoice."""

    @transition(field=state, source=MilestoneState.ELIGIBLE, target=MilestoneState.AWAITING_APPROVAL)
    def request_approval(self, *, by: Actor) -> None:
        """The invoice is drafted; somebody, or the policy, has to agree."""

    @transition(field=state, source=MilestoneState.AWAITING_APPROVAL, target=MilestoneState.APPROVED)
    def approve(self, *, by: Actor) -> None:
        """The invoice may be sent to the ERP."""

    @transition(
        field=state,
        source=[
            MilestoneState.ELIGIBLE,
            MilestoneState.AWAITING_APPROVAL,
            MilestoneState.APPROVED,
            MilestoneState.INVOICED,
        ],
        target=MilestoneState.ACHIEVED,
    )
    def reopen(self, *, by: Actor) -> None:
        """Its invoice was refused, voided or credited; it may be billed again."""

    @transition(field=state, source=MilestoneState.APPROVED, target=MilestoneState.INVOICED)
    def invoice(self, *, by: Actor) -> None:
        """The ERP has posted its invoice."""

    @transition(field=state, source=MilestoneState.INVOICED, target=MilestoneState.PLANNED)
    def expect_rest(self, *, by: Actor) -> None:
        """Only a part is invoiced; the rest is still to be achieved."""

    @transition(field=state, source=MilestoneState.INVOICED, target=MilestoneState.SETTLED)
    def settle(self, *, by: Actor) -> None:
        """All of it is paid."""

    @transition(field=state, source=MilestoneState.PLANNED, target=MilestoneState.ON_HOLD)
    def hold(self, *, by: Actor) -> None:
        """Not to be billed until released."""

    @transition(field=state, source=MilestoneState.ON_HOLD, target=MilestoneState.PLANNED)
    def release(self, *, by: Actor) -> None:
        """The hold is lifted."""

    @transition(field=state, source=[MilestoneState.PLANNED, MilestoneState.ACHIEVED], target=MilestoneState.CANCELLED)
    def cancel(self, *, by: Actor) -> None:
        """Will not be billed."""


class Invoice(StatefulModel):
    """An invoice of one milestone (or a part of it). Owned by the ERP once submitted.

    revision: 1 for the first invoice of a milestone, then counted on. `posted_at` is when we learnt of it (UTC),
    `posted_on` the ERP's accounting date.
    """

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=InvoiceState.choices, default=InvoiceState.DRAFT, protected=True)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="invoices")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="invoices")
    milestone = models.ForeignKey(BillingMilestone, null=True, on_delete=models.PROTECT, related_name="invoices")
    revision = models.PositiveIntegerField(default=1)
    legal_entity = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    net = Amount()
    tax = Amount(default=Decimal(0))
    total = Amount()
    open_balance = Amount(default=Decimal(0))
    invoice_date = models.DateField()
    number = models.CharField(max_length=60, blank=True)
    posted_on = models.DateField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    told_crm_at = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=64, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["milestone", "revision"], name="invoice_once_per_revision"),
            models.CheckConstraint(condition=models.Q(total=models.F("net") + models.F("tax")), name="invoice_adds_up"),
            known_state(InvoiceState, name="invoice_state_known"),
        ]
        triggers = [listed_moves(INVOICE_MOVES)]

    def __str__(self) -> str:
        return self.number or self.id

    @transition(field=state, source=InvoiceState.DRAFT, target=InvoiceState.AWAITING_APPROVAL)
    def request_approval(self, *, by: Actor) -> None:
        """Lines and tax are complete."""

    @transition(field=state, source=InvoiceState.AWAITING_APPROVAL, target=InvoiceState.APPROVED)
    def approve(self, *, by: Actor) -> None:
        """May be sent to the ERP."""

    @transition(field=state, source=[InvoiceState.AWAITING_APPROVAL, InvoiceState.REJECTED], target=InvoiceState.DRAFT)
    def revise(self, *, by: Actor) -> None:
        """Refused by an approver or the ERP; to be corrected."""

    @transition(field=state, source=InvoiceState.APPROVED, target=InvoiceState.SUBMITTED)
    def submit(self, *, by: Actor) -> None:
        """The ERP holds it, not posted yet."""

    @transition(field=state, source=InvoiceState.SUBMITTED, target=InvoiceState.POSTED)
    def post(self, *, by: Actor, at: datetime) -> None:
        """In the ERP's books."""
        self.posted_at = at

    @transition(field=state, source=InvoiceState.SUBMITTED, target=InvoiceState.REJECTED)
    def reject(self, *, by: Actor) -> None:
        """The ERP refused to post it."""

    @transition(field=state, source=InvoiceState.POSTED, target=InvoiceState.PARTLY_PAID)
    def pay_partly(self, *, by: Actor) -> None:
        """Something is paid, something open."""

    @transition(field=state, source=[InvoiceState.POSTED, InvoiceState.PARTLY_PAID], target=InvoiceState.PAID)
    def pay(self, *, by: Actor) -> None:
        """Nothing open."""

    @transition(field=state, source=InvoiceState.POSTED, target=InvoiceState.DISPUTED)
    def dispute(self, *, by: Actor) -> None:
        """The customer objects."""

    @transition(field=state, source=InvoiceState.DISPUTED, target=InvoiceState.POSTED)
    def uphold(self, *, by: Actor) -> None:
        """The objection is settled; the invoice stands."""

    @transition(
        field=state,
        source=[InvoiceState.POSTED, InvoiceState.DISPUTED, InvoiceState.PARTLY_PAID],
        target=InvoiceState.CREDITED,
    )
    def credit(self, *, by: Actor) -> None:
        """A credit memo over the whole of it is posted."""

    @transition(
        field=state,
        source=[
            InvoiceState.DRAFT,
            InvoiceState.AWAITING_APPROVAL,
            InvoiceState.APPROVED,
            InvoiceState.SUBMITTED,
            InvoiceState.REJECTED,
        ],
        target=InvoiceState.VOIDED,
    )
    def void(self, *, by: Actor) -> None:
        """Given up before it was posted."""


class InvoiceLine(models.Model):
    """One line of an invoice, with the tax the engine quoted for it."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    description = models.CharField(max_length=255)
    service_line = models.CharField(max_length=64)
    amount = Amount()
    tax_code = models.CharField(max_length=20, blank=True)
    tax_rate_percent = models.DecimalField(max_digits=7, decimal_places=4, default=Decimal(0))
    tax_amount = Amount(default=Decimal(0))
    tax_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once")]

    def __str__(self) -> str:
        return f"{self.invoice_id} line {self.position}"


class CreditMemo(StatefulModel):
    """What takes an invoice back. Owned by the ERP."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=CreditMemoState.choices, default=CreditMemoState.DRAFT, protected=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_memos")
    reason = models.CharField(max_length=255)
    legal_entity = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    total = Amount()
    number = models.CharField(max_length=60, blank=True)
    credit_date = models.DateField()
    correlation_id = models.CharField(max_length=64, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(total__gt=0), name="credit_memo_positive"),
            known_state(CreditMemoState, name="credit_memo_state_known"),
        ]
        triggers = [listed_moves(CREDIT_MEMO_MOVES)]

    def __str__(self) -> str:
        return self.number or self.id

    @transition(field=state, source=CreditMemoState.DRAFT, target=CreditMemoState.AWAITING_APPROVAL)
    def request_approval(self, *, by: Actor) -> None:
        """Somebody other than the requester has to agree."""

    @transition(field=state, source=CreditMemoState.AWAITING_APPROVAL, target=CreditMemoState.APPROVED)
    def approve(self, *, by: Actor) -> None:
        """May be sent to the ERP."""

    @transition(field=state, source=CreditMemoState.APPROVED, target=CreditMemoState.SUBMITTED)
    def submit(self, *, by: Actor) -> None:
        """On its way to the ERP."""

    @transition(field=state, source=CreditMemoState.SUBMITTED, target=CreditMemoState.POSTED)
    def post(self, *, by: Actor) -> None:
        """In the ERP's books."""

    @transition(field=state, source=CreditMemoState.POSTED, target=CreditMemoState.APPLIED)
    def apply(self, *, by: Actor) -> None:
        """Set off against its invoice."""

    @transition(field=state, source=CreditMemoState.SUBMITTED, target=CreditMemoState.REJECTED)
    def reject(self, *, by: Actor) -> None:
        """The ERP refused it."""

    @transition(
        field=state,
        source=[CreditMemoState.DRAFT, CreditMemoState.AWAITING_APPROVAL, CreditMemoState.APPROVED],
        target=CreditMemoState.VOIDED,
    )
    def void(self, *, by: Actor) -> None:
        """Given up."""


class RevenueSchedule(StatefulModel):
    """Planned and recognised revenue of a project, one version at a time."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=RevenueState.choices, default=RevenueState.DRAFT, protected=True)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="revenue_schedules")
    number = models.PositiveIntegerField(default=1)
    method = models.CharField(max_length=30)
    currency = models.CharField(max_length=3)
    total = Amount()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="revenue_schedule_once"),
            known_state(RevenueState, name="revenue_state_known"),
        ]
        triggers = [listed_moves(REVENUE_MOVES)]

    def __str__(self) -> str:
        return f"{self.project_id} revenue v{self.number}"

    @transition(field=state, source=RevenueState.DRAFT, target=RevenueState.ACTIVE)
    def activate(self, *, by: Actor) -> None:
        """The plan counts."""

    @transition(field=state, source=RevenueState.ACTIVE, target=RevenueState.REVISED)
    def revise(self, *, by: Actor) -> None:
        """A new version takes over."""

    @transition(field=state, source=RevenueState.ACTIVE, target=RevenueState.COMPLETED)
    def complete(self, *, by: Actor) -> None:
        """All recognised."""


class RevenueLine(models.Model):
    """Planned and recognised revenue of one milestone in one month (its first day)."""

    schedule = models.ForeignKey(RevenueSchedule, on_delete=models.PROTECT, related_name="lines")
    milestone = models.ForeignKey(BillingMilestone, null=True, on_delete=models.PROTECT, related_name="revenue_lines")
    period = models.DateField()
    planned = Amount()
    recognised = Amount(default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "milestone", "period"], name="revenue_line_once"),
            models.CheckConstraint(
                condition=models.Q(recognised__lte=models.F("planned")), name="revenue_never_over_recognised"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.period:%Y-%m}"
