"""The router: which room of the process floor cares for which event. One table."""

from collections.abc import Callable, Sequence

from apps.canonical import events
from apps.processes import intake, receipts, starts, statuses
from apps.processes.batch import Batch
from apps.processes.told import Told

Handler = Callable[[Batch, Sequence[Told]], None]

# Everything that is not named here answers a waiting step: receipts of commands, approvals, decisions.
ROUTES: dict[str, Handler] = {
    events.OPPORTUNITY_CHANGED: intake.read_opportunity,
    events.ACCOUNT_CHANGED: intake.read_account,
    events.OPPORTUNITY_READ: intake.apply_opportunity,
    events.MILESTONE_ACHIEVED: intake.achieve_milestone,
    events.INVOICE_CHANGED: intake.change_invoice,
    events.INVOICE_STATUS_KNOWN: statuses.take_invoice_status,
    events.CONTRACT_APPROVED: starts.activate_project,
    events.CONTRACT_CHANGED: starts.reconsider_project,
    events.MILESTONE_BILLABLE: starts.bill_milestone,
    events.INVOICE_POSTED: starts.feed_back,
    events.INVOICE_PAID: starts.feed_back,
    events.INVOICE_DISPUTED: starts.feed_back,
    events.INVOICE_CREDITED: starts.feed_back,
}


def route(batch: Batch, told: Sequence[Told]) -> None:
    """Apply one round of events: each handler gets all of its events at once."""
    by_handler: dict[Handler, list[Told]] = {}
    for each in told:
        by_handler.setdefault(_handler(each), []).append(each)
    for handler, own in by_handler.items():
        handler(batch, own)


def _handler(told: Told) -> Handler:
    # What names a waiting step is an answer to it, whatever else its name may mean.
    return receipts.resume if told.event.reference else ROUTES.get(told.name, receipts.resume)
