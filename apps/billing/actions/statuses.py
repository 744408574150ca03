"""An invoice as the ERP shows it: what we did not know yet is taken over, what is stale changes nothing."""

from dataclasses import dataclass
from decimal import Decimal

from apps.audit.work import Work
from apps.billing.models import Invoice
from apps.billing.states import DEAD_INVOICES, InvoiceState
from apps.canonical.billing import InvoiceStatus
from apps.core import clock
from apps.core.actor import Actor

# How far an invoice has come; an invoice never goes back.
_RANK = {
    InvoiceState.SUBMITTED: 1,
    InvoiceState.POSTED: 2,
    InvoiceState.DISPUTED: 2,
    InvoiceState.PARTLY_PAID: 3,
    InvoiceState.PAID: 4,
}
_RANK_OF_STATUS = {"draft": 1, "posted": 2, "disputed": 2, "partly_paid": 3, "paid": 4}
# (state, rank of the status) → the next transition on the way there; what is not listed changes nothing.
_NEXT = {
    **{("approved", rank): "submit" for rank in (1, 2, 3, 4)},
    **{("submitted", rank): "post" for rank in (2, 3, 4)},
    # Shown as posted only, the objection still stands; who pays has given it up.
    **{("disputed", rank): "uphold" for rank in (3, 4)},
    ("posted", 3): "pay_partly",
    ("posted", 4): "pay",
    ("partly_paid", 4): "pay",
}
_EVENTS = {
    "post": "invoice.posted",
    "pay_partly": "invoice.partly_paid",
    "pay": "invoice.paid",
    "dispute": "invoice.disputed",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The ERP shows another figure than we asked for."""

    field: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a status amounted to.

    events: canonical events, in order: ``invoice.posted``, ``invoice.partly_paid``, ``invoice.paid``,
            ``invoice.disputed``; ``invoice.voided`` and ``invoice.credited`` mean that the ERP undid it:
            the caller releases the invoice with its milestone.
    differences: figures that differ from ours, for a case; the state was taken over all the same.
    """

    events: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


def take_status(work: Work, invoice: Invoice, status: InvoiceStatus, *, by: Actor) -> Taken:
    """Take over what the ERP shows. No query; the same or an older status again changes nothing.

    An invoice in a draft or awaiting approval cannot be in the ERP, and one voided or credited is done with:
    a status of these changes nothing either.
    """
    if invoice.state in DEAD_INVOICES or invoice.state in (InvoiceState.DRAFT, InvoiceState.AWAITING_APPROVAL):
        return Taken()
    if status.state in ("voided", "credited") and invoice.state == InvoiceState.PAID:
        # Money has moved; what is to become of it is a person's decision.
        return Taken(differences=(Difference("state", InvoiceState.PAID.value, status.state),))
    if status.state in ("voided", "credited"):
        return Taken((f"invoice.{status.state}",))
    rank = _RANK_OF_STATUS[status.state]
    if rank < _RANK.get(InvoiceState(invoice.state), 0):
        return Taken()
    if invoice.state == InvoiceState.REJECTED:
        if rank < _RANK[InvoiceState.POSTED]:
            return Taken()
        _correct_rejection(work, invoice, by=by)
    differences = _differences(invoice, status)
    events = _advance(work, invoice, status, by=by)
    _take_figures(invoice, status)
    return Taken(events, differences)


def _advance(work: Work, invoice: Invoice, status: InvoiceStatus, *, by: Actor) -> tuple[str, ...]:
    rank = _RANK_OF_STATUS[status.state]
    events: list[str] = []
    while transition := _NEXT.get((invoice.state, rank)):
        arguments = {"at": clock.now()} if transition == "post" else {}
        work.move(invoice, transition, by=by, why=_why(status), story=invoice.correlation_id, **arguments)
        if transition in _EVENTS:
            events.append(_EVENTS[transition])
    if status.state == "disputed" and invoice.state == InvoiceState.POSTED:
        work.move(invoice, "dispute", by=by, why=_why(status), story=invoice.correlation_id)
        events.append(_EVENTS["dispute"])
    return tuple(events)


def _correct_rejection(work: Work, invoice: Invoice, *, by: Actor) -> None:
    """The ERP refused it and shows it posted now: somebody mended it there. It is approved as it stands."""
    for transition in ("revise", "request_approval", "approve"):
        work.move(invoice, transition, by=by, why="posted in the ERP after all", story=invoice.correlation_id)


def _take_figures(invoice: Invoice, status: InvoiceStatus) -> None:
    invoice.number = status.number or invoice.number
    invoice.posted_on = status.posted_on or invoice.posted_on
    if status.state == "paid":
        invoice.open_balance = Decimal(0)
    elif invoice.state != InvoiceState.SUBMITTED:
        # What is open only falls; a higher balance at the same state is older than what we know.
        invoice.open_balance = min(invoice.open_balance, status.open_balance)


def _differences(invoice: Invoice, status: InvoiceStatus) -> tuple[Difference, ...]:
    pairs = [
        (name, getattr(invoice, name), getattr(status, name))
        for name in ("net", "tax", "total")
        if getattr(invoice, name) != getattr(status, name)
    ]
    found = [Difference(name, _plain(ours), _plain(theirs)) for name, ours, theirs in pairs]
    if status.currency and status.currency != invoice.currency:
        found.append(Difference("currency", invoice.currency, status.currency))
    return tuple(found)


def _why(status: InvoiceStatus) -> str:
    return f"the ERP shows {status.number or status.ref} as {status.state.replace('_', ' ')}"


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
