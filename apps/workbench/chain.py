"""The four business states as a stepper, and where in that chain a case stopped. Pure."""

from typing import NamedTuple

STATES = ("Contract approved", "Project active", "Billing eligible", "Invoice posted")

# Where each saga works in the chain.
_AT = {
    "project_activation": 1,
    "contract_amendment": 1,
    "time_to_wip": 2,
    "milestone_billing": 2,
    "billing_run": 2,
    "invoice_feedback": 3,
    "credit_and_rebill": 3,
}


class Link(NamedTuple):
    """One state of the chain as a badge."""

    label: str
    tone: str
    word: str


def chain_of(*, saga: str, awaiting: str, is_open: bool) -> list[Link]:
    """The chain with what is reached before, where this stopped, and what has to wait; empty when it is in no chain."""
    at = place_of(saga=saga, awaiting=awaiting)
    if at is None:
        return []
    here = ("danger", "Blocked here") if is_open else ("ok", "Settled")
    return [
        Link(label, *(("ok", "Reached") if place < at else here if place == at else ("neutral", "Not yet")))
        for place, label in enumerate(STATES)
    ]


def place_of(*, saga: str, awaiting: str) -> int | None:
    """Where in the chain a saga stands while it awaits something; None when it is in no chain."""
    return 3 if saga == "milestone_billing" and awaiting.startswith("invoice") else _AT.get(saga)
