"""What happened, in the past tense: the envelope, and the names of the events."""

from datetime import datetime
from typing import Any

from apps.canonical.base import Canonical, Code, Text

# From connected systems.
OPPORTUNITY_CHANGED = "opportunity.changed"
OPPORTUNITY_READ = "opportunity.read"
OPPORTUNITY_UPDATED = "opportunity.updated"
ACCOUNT_CHANGED = "account.changed"
MILESTONE_ACHIEVED = "milestone.achieved"
INVOICE_CHANGED = "invoice.changed"
# Inside: one stream tells another.
CONTRACT_APPROVED = "contract.approved"
CONTRACT_CHANGED = "contract.changed"
MILESTONE_BILLABLE = "milestone.billable"
INVOICE_STATUS_KNOWN = "invoice.status_known"
INVOICE_POSTED = "invoice.posted"
INVOICE_PAID = "invoice.paid"
INVOICE_DISPUTED = "invoice.disputed"
INVOICE_VOIDED = "invoice.voided"
INVOICE_CREDITED = "invoice.credited"
STEP_OVERDUE = "step.overdue"
APPROVAL_GRANTED = "approval.granted"
APPROVAL_REFUSED = "approval.refused"
DECISION_TAKEN = "decision.taken"
# Receipts of commands that did not go through; those that did have the name their command states.
COMMAND_REJECTED = "command.rejected"
COMMAND_UNKNOWN = "command.unknown"
COMMAND_DEAD = "command.dead"


class Envelope(Canonical):
    """One canonical event, read from a stored body.

    subject: the vendor's reference or the canonical id of the object it is about.
    payload: JSON of the canonical object the name promises, see `codec`.
    """

    name: Code
    subject: Text
    occurred_at: datetime
    payload: dict[str, Any] = {}
