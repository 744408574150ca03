"""A worker is frozen past its lease and goes on: it is fenced, and the ERP holds one invoice."""

import time
from collections.abc import Callable

import pytest

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.connectors.models import ConnectedSystem
from apps.events.models import DeliveryAttempt, OutboxCommand
from tests.faults.whole import assert_whole
from tests.faults.workers import Forge, Worker, is_idle, let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = [pytest.mark.faults]


@pytest.mark.parametrize("point", ["after_claim", "before_send", "after_send", "before_record"])
def test_a_sender_that_wakes_after_its_lease_settles_nothing(company: Estate, forge: Forge, point: str) -> None:
    invoice_due = _achieved(company)
    sleeper = forge.worker(f"{point}:1:freeze")
    _wait_until(sleeper.is_frozen)
    held = DeliveryAttempt.objects.get(finished_at=None)

    let_time_pass(120)
    _others_finish(forge)
    (entry,) = _invoices_in_erp(company)
    sleeper.thaw()
    time.sleep(1.0)

    held.refresh_from_db()
    assert held.outcome == "abandoned"
    assert _invoices_in_erp(company) == [entry]
    assert entry["creations"] == 1
    assert Invoice.objects.get(pk=invoice_due).state == InvoiceState.POSTED
    assert_whole(company)


def test_a_sender_frozen_for_real_loses_its_lease_within_the_promised_time(company: Estate, forge: Forge) -> None:
    _achieved(company)
    _short_leases()
    sleeper = forge.worker("before_send:1:freeze")
    _wait_until(sleeper.is_frozen)

    frozen_at = time.monotonic()
    forge.worker()
    _wait_until(lambda: Invoice.objects.filter(state=InvoiceState.POSTED).exists(), timeout_s=40)
    took_s = time.monotonic() - frozen_at
    sleeper.thaw()
    _wait_until(is_idle)

    # Its slots come back after a drain's budget, its command after time-out, the vendor's own time and a margin.
    assert took_s < 30
    assert [entry["creations"] for entry in _invoices_in_erp(company)] == [1]
    assert_whole(company)


@pytest.mark.parametrize("point", ["after_lease", "before_commit"])
def test_a_consumer_that_wakes_after_its_lease_writes_nothing(company: Estate, forge: Forge, point: str) -> None:
    project = company.activated(company.win())
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    sleeper = forge.worker(f"{point}:1:freeze")
    _wait_until(sleeper.is_frozen)

    let_time_pass(120)
    _others_finish(forge)
    sleeper.thaw()
    time.sleep(0.5)
    _wait_until(is_idle)

    assert [entry["creations"] for entry in _invoices_in_erp(company)] == [1]
    assert OutboxCommand.objects.filter(name="CreateInvoice").count() == 1
    assert_whole(company)


def _achieved(company: Estate) -> str:
    """A project whose first milestone's invoice is drafted, taxed, and about to go to the ERP; the invoice's id."""
    project = company.activated(company.win())
    ConnectedSystem.objects.filter(code="netsuite").update(enabled=False)
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    company.settle()
    ConnectedSystem.objects.filter(code="netsuite").update(enabled=True)
    assert OutboxCommand.objects.filter(name="CreateInvoice", state="pending").count() == 1
    return Invoice.objects.get().pk


def _others_finish(forge: Forge) -> Worker:
    worker = forge.worker()
    _wait_until(is_idle)
    return worker


def _short_leases() -> None:
    system = ConnectedSystem.objects.get(code="netsuite")
    system.timeout_s, system.max_in_flight_s = 1, 0.5
    system.save()


def _invoices_in_erp(company: Estate) -> list[dict[str, object]]:
    entries = company.sandbox.ask("ledger?vendor=netsuite&kind=invoice")
    return [entry for entry in entries if entry["by"] == "key"]


def _wait_until(seen: Callable[[], bool], *, timeout_s: float = 30) -> None:
    ends_at = time.monotonic() + timeout_s
    while not seen():
        assert time.monotonic() < ends_at, f"not in time: {list(OutboxCommand.objects.values_list('name', 'state'))}"
        time.sleep(0.03)
