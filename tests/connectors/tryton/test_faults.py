"""A real Tryton behind a line that fails: what became of a write is found by its key, never guessed, never doubled."""

import time
from collections.abc import Callable, Iterator

import pytest

from apps.canonical import commands
from apps.canonical.commands import Command
from apps.core.errors import UnknownOutcome
from tests.connectors.line import Fault, Line
from tests.connectors.tryton.conftest import Erp, Story, connector_on
from tests.plugins.tryton import TrytonBooks

pytestmark = pytest.mark.tryton


class CallsLine(Line):
    """Disturbs remote procedure calls only, after letting some of them through; reads always pass."""

    spared = 0

    def _next_fault(self, path: str) -> Fault | None:
        if "/rpc/" not in path or self._fault is None:
            return None
        if self.spared > 0:
            self.spared -= 1
            return None
        return super()._next_fault(path)


@pytest.fixture(scope="module")
def line(tryton_server: TrytonBooks) -> Iterator[CallsLine]:
    made = CallsLine(tryton_server.base_url.rpartition("/")[0])
    yield made
    made.close()


@pytest.fixture
def far(tryton_server: TrytonBooks, line: CallsLine) -> Erp:
    """The connector at the other end of the line, signed in."""
    connector = connector_on(tryton_server, base_url=line.base + "/" + tryton_server.base_url.rpartition("/")[2])
    erp = Erp(tryton_server, connector)
    erp.run(connector.health())
    return erp


def create(story: Story) -> tuple[Command, int]:
    return story.invoice(), 0


def post(story: Story) -> tuple[Command, int]:
    invoice = story.invoice()
    return commands.PostInvoice(**story.about(invoice, story.erp.execute(invoice).ref)), 0


def void(story: Story) -> tuple[Command, int]:
    invoice = story.invoice()
    return commands.VoidInvoice(**story.about(invoice, story.erp.execute(invoice).ref)), 0


def credit(story: Story) -> tuple[Command, int]:
    invoice, ref = story.posted()
    # The wizard is opened and its form fetched before the call that books.
    return commands.CreditInvoice(
        credit_memo_id="CRN-1", credit_date=story.erp.today, reason="wrong", **story.about(invoice, ref)
    ), 2


@pytest.mark.parametrize("tell", [create, post, void, credit])
@pytest.mark.parametrize("reached", [True, False], ids=["answer lost", "never arrived"])
def test_a_write_without_an_answer_is_settled_by_its_key(
    begun: Story, far: Erp, line: CallsLine, tell: Callable[[Story], tuple[Command, int]], reached: bool
) -> None:
    command, line.spared = tell(begun)

    with line.disturbed(drop="after" if reached else "before"), pytest.raises(UnknownOutcome) as raised:
        far.execute(command)
    line.forget()
    held = far.lookup(command)
    settled = far.execute(command)

    assert raised.value.code == "unknown_outcome"
    # Freeing the milestones comes after the booking, so those two are only half done when the answer is lost.
    assert (held is not None) == (reached and tell in (create, post))
    assert far.lookup(command) == settled
    below = ["party", "=", int(begun.customer_ref)]
    assert far.books.count("account.invoice", below, ["total_amount", ">", 0]) == 1
    assert far.books.count("account.invoice", below, ["total_amount", "<", 0]) == (1 if tell is credit else 0)


def test_a_draft_that_comes_late_is_found_and_not_repeated(begun: Story, far: Erp, line: CallsLine) -> None:
    command = begun.invoice()
    line.spared = 0

    with line.disturbed(late_s=5.0), pytest.raises(UnknownOutcome):
        far.execute(command, deadline_s=3.0)
    assert far.lookup(command) is None
    ends_at = time.monotonic() + 60
    while (found := far.lookup(command)) is None and time.monotonic() < ends_at:
        time.sleep(0.2)

    assert found is not None
    assert far.execute(command) == found
    assert far.books.count("account.invoice", ["reference", "=", command.invoice.id]) == 1
