"""Batch: everything one set of events leads to, gathered first and written with one statement per table."""

from collections.abc import Sequence

from apps.audit.work import Work
from apps.core.actor import Actor
from apps.events import inbox, outbox
from apps.events.inbox import Message
from apps.events.outbox import Order
from apps.exceptions.actions.sets import close_replaced, open_cases, settle_cases
from apps.exceptions.findings import Finding
from apps.governance import crosswalk
from apps.governance.crosswalk import Link

_ENGINE = Actor("saga", "engine")


class Batch:
    """Rows through `work`; commands, messages to other streams, cases and crosswalk rows beside it."""

    def __init__(self) -> None:
        self.work = Work()
        self.systems: set[str] = set()
        self.told = False
        self._orders: list[Order] = []
        self._messages: list[Message] = []
        self._findings: list[Finding] = []
        self._links: list[Link] = []
        self._settled: dict[str, str] = {}
        self._cancelled: list[str] = []

    def send(self, order: Order) -> None:
        """Enqueue a command with this batch."""
        self._orders.append(order)

    def tell(self, message: Message) -> None:
        """Tell another stream with this batch."""
        self._messages.append(message)

    def report(self, finding: Finding) -> None:
        """Open or refresh a case with this batch."""
        self._findings.append(finding)

    def link(self, *links: Link) -> None:
        """Remember which record of which system an object is."""
        self._links.extend(link for link in links if link.external_id)

    def settled(self, reference: str, *, why: str) -> None:
        """Close the open cases about this step, event or command."""
        self._settled[reference] = why

    def withdraw(self, stream_key: str) -> None:
        """Cancel commands of this stream that nobody has sent yet."""
        self._cancelled.append(stream_key)

    def flush(self) -> None:
        """Write everything gathered, in the caller's transaction. May be called again for what comes later."""
        self.work.flush()
        self._write_cases()
        if self._cancelled:
            outbox.cancel(self._cancelled)
        if self._links:
            crosswalk.remember(self._links)
        self.systems.update(outbox.enqueue(self._orders))
        self.told = inbox.store(self._messages) > 0 or self.told
        self._orders, self._messages, self._links, self._cancelled = [], [], [], []

    def _write_cases(self) -> None:
        settled, self._settled = self._settled, {}
        findings: Sequence[Finding] = self._findings
        self._findings = []
        if not settled and not findings:
            return
        # Settle first: a step that moved on and parked again is a recurrence, not a success.
        settle_cases(self.work, list(settled), by=_ENGINE, why="what it waited for has come")
        if findings:
            self.work.flush()
            opened = open_cases(self.work, findings, by=_ENGINE)
            self.work.flush()
            # A reminder says nothing about what was decided.
            close_replaced(self.work, [case for case in opened if not case.kind.endswith("_overdue")], by=_ENGINE)
        self.work.flush()
