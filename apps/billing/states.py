"""The lifecycles of milestones, invoices, credit memos, revenue schedules and periods."""

from django.db.models import TextChoices


class MilestoneState(TextChoices):
    PLANNED = "planned", "Planned"
    ACHIEVED = "achieved", "Achieved"
    ELIGIBLE = "eligible", "Eligible"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    APPROVED = "approved", "Approved"
    INVOICED = "invoiced", "Invoiced"
    SETTLED = "settled", "Settled"
    ON_HOLD = "on_hold", "On hold"
    CANCELLED = "cancelled", "Cancelled"


MILESTONE_MOVES = (
    ("planned", "achieved"),
    ("achieved", "eligible"),
    ("eligible", "awaiting_approval"),
    ("awaiting_approval", "approved"),
    ("awaiting_approval", "achieved"),
    ("eligible", "achieved"),
    ("approved", "invoiced"),
    # Only a part was invoiced, or the invoice was undone: the rest waits to be achieved again.
    ("invoiced", "achieved"),
    ("approved", "achieved"),
    ("invoiced", "planned"),
    ("invoiced", "settled"),
    ("planned", "on_hold"),
    ("on_hold", "planned"),
    ("planned", "cancelled"),
    ("achieved", "cancelled"),
)


class InvoiceState(TextChoices):
    DRAFT = "draft", "Draft"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    APPROVED = "approved", "Approved"
    SUBMITTED = "submitted", "Submitted"
    POSTED = "posted", "Posted"
    PARTLY_PAID = "partly_paid", "Partly paid"
    PAID = "paid", "Paid"
    REJECTED = "rejected", "Rejected"
    DISPUTED = "disputed", "Disputed"
    CREDITED = "credited", "Credited"
    VOIDED = "voided", "Voided"


INVOICE_MOVES = (
    ("draft", "awaiting_approval"),
    ("awaiting_approval", "approved"),
    ("awaiting_approval", "draft"),
    ("approved", "submitted"),
    ("submitted", "posted"),
    ("submitted", "rejected"),
    ("rejected", "draft"),
    ("posted", "partly_paid"),
    ("posted", "paid"),
    ("partly_paid", "paid"),
    ("posted", "disputed"),
    ("disputed", "posted"),
    ("posted", "credited"),
    ("disputed", "credited"),
    ("partly_paid", "credited"),
    ("draft", "voided"),
    ("awaiting_approval", "voided"),
    ("approved", "voided"),
    ("submitted", "voided"),
    ("rejected", "voided"),
)
# An invoice in one of these does not count against its milestone any more.
DEAD_INVOICES = (InvoiceState.VOIDED, InvoiceState.CREDITED)


class CreditMemoState(TextChoices):
    DRAFT = "draft", "Draft"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    APPROVED = "approved", "Approved"
    SUBMITTED = "submitted", "Submitted"
    POSTED = "posted", "Posted"
    APPLIED = "applied", "Applied"
    REJECTED = "rejected", "Rejected"
    VOIDED = "voided", "Voided"


CREDIT_MEMO_MOVES = (
    ("draft", "awaiting_approval"),
    ("awaiting_approval", "approved"),
    ("approved", "submitted"),
    ("submitted", "posted"),
    ("posted", "applied"),
    ("submitted", "rejected"),
    ("draft", "voided"),
    ("awaiting_approval", "voided"),
    ("approved", "voided"),
)


class RevenueState(TextChoices):
    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    REVISED = "revised", "Revised"
    COMPLETED = "completed", "Completed"


REVENUE_MOVES = (("draft", "active"), ("active", "revised"), ("active", "completed"))


class PeriodState(TextChoices):
    OPEN = "open", "Open"
    CLOSING = "closing", "Closing"
    CLOSED = "closed", "Closed"
