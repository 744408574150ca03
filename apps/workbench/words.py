"""How states and severities look: the tone, which carries shape and colour, and the word beside it. Pure."""

from typing import NamedTuple

TONES = ("danger", "warn", "info", "ok", "neutral")


class Look(NamedTuple):
    """Tone and word of a badge; shape and colour follow from the tone."""

    tone: str
    word: str


SEVERITIES = {
    "critical": Look("danger", "Critical"),
    "high": Look("warn", "High"),
    "medium": Look("info", "Medium"),
    "low": Look("neutral", "Low"),
}

STATES = {
    # cases
    "open": Look("danger", "New"),
    "reopened": Look("danger", "Regressed"),
    "assigned": Look("info", "Claimed"),
    "resolving": Look("info", "Resolving"),
    "resolved": Look("ok", "Resolved"),
    "dismissed": Look("neutral", "Dismissed"),
    # messages
    "accepted": Look("info", "Accepted"),
    "new": Look("info", "Accepted"),
    "pending": Look("info", "Waiting"),
    "ready": Look("info", "Ready"),
    "sending": Look("info", "In flight"),
    "in_flight": Look("info", "In flight"),
    "retry": Look("warn", "Retry scheduled"),
    "unknown": Look("warn", "Outcome unknown"),
    "acknowledged": Look("ok", "Acknowledged"),
    "done": Look("ok", "Done"),
    "delivered": Look("ok", "Delivered"),
    "dead": Look("danger", "Dead-lettered"),
    "superseded": Look("neutral", "Superseded"),
    # steps and runs
    "running": Look("info", "In progress"),
    "waiting": Look("info", "Waiting for an answer"),
    "parked": Look("danger", "Blocked"),
    "overridden": Look("ok", "Overridden"),
    "compensated": Look("neutral", "Undone"),
    "compensating": Look("warn", "Being undone"),
    "skipped": Look("neutral", "Not needed"),
    "ended": Look("neutral", "Ended early"),
    "queued": Look("neutral", "In line"),
    "planned": Look("neutral", "Planned"),
    "halted": Look("warn", "Halted"),
    "failed": Look("danger", "Did not help"),
    "asked": Look("warn", "Waits for a second person"),
    "not_started": Look("neutral", "Not started"),
    "sent": Look("info", "On its way"),
    "received": Look("info", "Received"),
    "applied": Look("ok", "Applied"),
    # business objects
    "awaiting_approval": Look("warn", "Needs approval"),
    "on_hold": Look("warn", "On hold"),
    "provisioning": Look("info", "Being set up"),
    "active": Look("ok", "Active"),
    "approved": Look("ok", "Approved"),
    "posted": Look("ok", "Posted"),
    "paid": Look("ok", "Paid"),
    "rejected": Look("danger", "Rejected"),
    "cancelled": Look("neutral", "Cancelled"),
    "requested": Look("warn", "Requested"),
    "validated": Look("info", "Checked"),
    "returned": Look("danger", "Returned to sales"),
    "submitted": Look("info", "Submitted"),
    "partly_paid": Look("info", "Partly paid"),
    "disputed": Look("warn", "Disputed"),
    "settled": Look("ok", "Settled"),
    "achieved": Look("info", "Achieved"),
    "eligible": Look("ok", "Billing eligible"),
    "invoiced": Look("ok", "Invoiced"),
    # approvals and rules
    "granted": Look("ok", "Granted"),
    "refused": Look("danger", "Refused"),
    "voided": Look("neutral", "Void"),
    "live": Look("ok", "Live"),
    "draft": Look("neutral", "Draft"),
    "tested": Look("warn", "Waits for approval"),
    "retired": Look("neutral", "Retired"),
}


# Model names are one word; people say two, or another.
_SAID = {
    "billingmilestone": "milestone",
    "creditmemo": "credit memo",
    "processrun": "run",
    "processstep": "step",
    "projecttask": "task",
    "revenueschedule": "revenue schedule",
}
_LETTERS = {word: word.upper() for word in ("api", "crm", "erp", "id", "po", "psa", "url", "vat", "wip")}


def state_look(state: str) -> Look:
    """How a state looks; a state without a row of its own is neutral and called by its name."""
    return STATES.get(state) or Look("neutral", spoken(state))


def severity_look(severity: str) -> Look:
    """How a severity looks."""
    return SEVERITIES.get(severity) or Look("neutral", spoken(severity))


def spoken(code: str) -> str:
    """A code word as people say it: ``invoice_rejected`` is "Invoice rejected"."""
    words = " ".join(
        _LETTERS.get(word, word) for word in _SAID.get(code, code).replace("_", " ").replace(".", " ").split()
    )
    return words[:1].upper() + words[1:]
