"""The ERP misbehaves while invoices are on their way: each is in its ledger once, whatever became of the answer."""

from datetime import date
from decimal import Decimal

import pytest

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.events.models import DeliveryAttempt, OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.processes import work_off
from apps.processes.demo import deals
from tests.faults.whole import assert_whole
from tests.faults.workers import is_idle, let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = [pytest.mark.faults]

# Milestone name → what happens to the POST of its invoice, how often, and how the first attempt must end.
MISFORTUNES = {
    "throttled": ({"status": 429, "body": {"o:errorDetails": [{"o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED"}]}}, 2, "transient"),
    "server error": ({"status": 500, "body": {}}, 2, "unknown"),
    "server error after the effect": ({"status": 500, "commit": True, "body": {}}, 1, "unknown"),
    "no answer": ({"hang_s": 3}, 1, "unknown"),
    "late commit": ({"late_commit_s": 2.2}, 1, "unknown"),
    "line cut before the effect": ({"drop": "before"}, 1, "unknown"),
    "line cut after the effect": ({"drop": "after"}, 1, "unknown"),
}  # fmt: skip


def test_seven_invoices_meet_seven_misfortunes_and_each_is_billed_once(company: Estate) -> None:
    _short_of_patience("netsuite")
    project = company.activated(company.win(lines=_milestones()))
    for name, (fault, times, _) in MISFORTUNES.items():
        company.outside.fault(
            vendor="netsuite",
            match={"method": "POST", "path": "/invoice$", "contains": f"<{name}>"},
            fault=fault,
            times=times,
        )

    for number in range(len(MISFORTUNES)):
        company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": f"M{number}", **PROOF})
        work_off.consume_all()  # a line's milestones are achieved one after the other; their invoices go out together
    _work_through(company)

    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    assert set(Invoice.objects.values_list("state", flat=True)) == {InvoiceState.POSTED}
    for number, (name, (*_, first_end)) in enumerate(MISFORTUNES.items()):
        invoice = Invoice.objects.get(milestone__code=f"M{number}")
        (entry,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={invoice.pk}")
        assert (name, entry["creations"], entry["live"]) == (name, 1, 1)
        assert Decimal(str(entry["body"]["total"])) == invoice.total
        assert (name, _first_attempt(invoice).outcome) == (name, first_end)
    assert_whole(company)


def test_an_erp_that_stays_silent_is_left_alone_and_asked_again_later(company: Estate) -> None:
    _short_of_patience("netsuite")
    project = company.activated(company.win())
    company.outside.fault(vendor="netsuite", match={"path": "/record/"}, fault={"drop": "before"})
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    for _ in range(12):
        company.settle(timeout_s=0.5)
        let_time_pass(30)
    assert OutboxCommand.objects.filter(name="CreateInvoice", state__in=("unknown", "dead")).exists()

    company.outside.mend()
    let_time_pass(600)
    _work_through(company)

    assert_whole(company)
    created = company.sandbox.ask("ledger?vendor=netsuite&kind=invoice")
    assert all(entry["creations"] == 1 for entry in created)


def test_a_refused_invoice_becomes_a_case_with_the_erps_own_words(company: Estate) -> None:
    project = company.activated(company.win())
    company.outside.close_period(entity="US-01", month=f"{clock.today('America/New_York'):%Y-%m}")

    company.bill(project, "M1")

    (case,) = ExceptionCase.objects.all()
    assert (case.kind, case.currency, case.is_open) == ("period_closed", "USD", True)
    assert case.amount is not None
    assert company.sandbox.ask("ledger?vendor=netsuite&kind=invoice") == []
    assert_whole(company)


def _milestones() -> list[dict[str, str]]:
    """One per misfortune; the name is what the fault recognises its invoice by."""
    named = [(f"M{number}", f"<{name}>", f"{1000 + number}.00") for number, name in enumerate(MISFORTUNES)]
    return deals.line("US-01", "IMPLEMENTATION", named, first_due=date(2026, 12, 1))


def _short_of_patience(code: str) -> None:
    system = ConnectedSystem.objects.get(code=code)
    system.timeout_s, system.max_in_flight_s = 1, 0.5
    system.save()


def _work_through(company: Estate) -> None:
    """Work everything off, minutes of waiting included."""
    for _ in range(30):
        company.settle()
        if is_idle(soon_s=7200):
            return
        let_time_pass(20)
    raise AssertionError(f"never done: {list(OutboxCommand.objects.values_list('name', 'state', 'error'))}")


def _first_attempt(invoice: Invoice) -> DeliveryAttempt:
    command = OutboxCommand.objects.get(name="CreateInvoice", body__invoice__id=invoice.pk)
    return command.deliveries.order_by("lease_token")[0]
