"""NetSuite's verbs against the sandbox, from customer to credit memo."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.canonical.billing import BillingMilestone
from apps.canonical.commands import (
    CancelBillingSchedule,
    CancelProject,
    CheckPeriod,
    CreateBillingSchedule,
    CreateInvoice,
    CreditInvoice,
    PostInvoice,
    ReadInvoice,
    SetBudget,
    SetRevenueSchedule,
    UpsertCustomer,
    UpsertTasks,
    VoidInvoice,
)
from apps.canonical.projects import BudgetLine, ProjectTask
from apps.connectors.netsuite.connector import NetSuiteConnector
from apps.core import clock
from apps.core.errors import Misconfigured, Rejected
from tests.connectors.bench import connect, run
from tests.connectors.conftest import a_call, a_project, an_account, an_invoice, secret_of
from tests.connectors.line import Line
from tests.plugins.sandbox import Sandbox


def do(netsuite: Any, command: Any, **more: Any) -> Any:
    return run(netsuite.execute(a_call(command, key="k", **more)))


def of(kind: type, ref: str) -> Any:
    return kind(invoice_id="INV-1", invoice_ref=ref, legal_entity="US-01")


@pytest.fixture
def project(netsuite: Any) -> str:
    return a_project(netsuite)


@pytest.fixture
def invoice(netsuite: Any, project: str) -> Any:
    return do(netsuite, CreateInvoice(invoice=an_invoice("INV-1", project_ref=project)))


def test_a_project_is_set_up_once_however_often_it_is_asked(netsuite: Any, project: str, sandbox: Sandbox):
    again = a_project(netsuite)
    tasks = UpsertTasks(
        project_id="PRJ-1", project_ref=project, legal_entity="US-01",
        tasks=tuple(ProjectTask(code=c, name=f"Task {c}", budget_hours=Decimal(40)) for c in ("T1", "T2")),
    )  # fmt: skip
    first, second = do(netsuite, tasks), do(netsuite, tasks, attempt=2)
    budget = SetBudget(
        project_id="PRJ-1", project_ref=project, legal_entity="US-01", currency="USD",
        lines=(BudgetLine(task_code="T1", amount=Decimal("100.50")),),
    )  # fmt: skip
    assert run(netsuite.lookup(a_call(budget, key="k"))) is None
    do(netsuite, budget)
    do(netsuite, budget)

    assert again == project
    assert first.payload == second.payload == run(netsuite.lookup(a_call(tasks, key="k"))).payload
    assert run(netsuite.lookup(a_call(budget, key="k"))) is not None
    counts = sandbox.ask("ledger/counts?vendor=netsuite")["netsuite"]
    assert {kind: counts[kind]["rows"] for kind in ("customer", "job", "projectTask", "projectBudget")} == {
        "customer": 1, "job": 1, "projectTask": 2, "projectBudget": 1,
    }  # fmt: skip


def test_an_address_is_replaced_and_not_added(netsuite: Any, project: str, sandbox: Sandbox):
    moved = an_account().model_copy(update={"name": "Contoso Holding Inc."})
    command = UpsertCustomer(customer_id="ACC-1", legal_entity="US-01", currency="USD", account=moved)
    assert run(netsuite.lookup(a_call(command, key="k"))) is None

    do(netsuite, command)

    (customer,) = sandbox.ask("ledger?vendor=netsuite&kind=customer&key=ACC-1:US-01")
    assert (customer["creations"], len(customer["body"]["addressBook"])) == (1, 1)
    assert run(netsuite.lookup(a_call(command, key="k"))).ref == customer["id"]


def test_a_schedule_is_created_looked_up_and_cancelled(netsuite: Any, project: str, sandbox: Sandbox):
    milestones = tuple(
        BillingMilestone(id=f"BMS-{n}", code=f"M{n}", name="Design", amount=Decimal("1000.10")) for n in (1, 2)
    )
    command = CreateBillingSchedule(
        project_id="PRJ-1", project_ref=project, customer_ref="", legal_entity="US-01", currency="USD",
        service_line="IMPLEMENTATION", milestones=milestones,
    )  # fmt: skip

    done = do(netsuite, command)

    refs = done.payload["milestones"]
    assert set(refs) == {"BMS-1", "BMS-2"}
    assert run(netsuite.lookup(a_call(command, key="k"))).payload == done.payload
    dearer = command.model_copy(update={"milestones": (milestones[0].model_copy(update={"amount": Decimal(5)}),)})
    with pytest.raises(Rejected) as raised:
        run(netsuite.lookup(a_call(dearer, key="k")))
    assert raised.value.code == "duplicate_in_vendor"
    do(netsuite, CancelBillingSchedule(project_id="PRJ-1", project_ref=project, legal_entity="US-01", milestones=refs))
    stages = {one["body"]["stage"]["id"] for one in sandbox.ask("ledger?vendor=netsuite&kind=charge")}
    assert stages == {"NON_BILLABLE"}


def test_an_invoice_is_posted_when_it_is_created(netsuite: Any, invoice: Any):
    assert (invoice.payload["state"], invoice.payload["total"]) == ("posted", "1000")
    assert invoice.payload["number"]

    assert do(netsuite, of(PostInvoice, invoice.ref)).payload == invoice.payload
    assert do(netsuite, of(ReadInvoice, invoice.ref)).payload == invoice.payload


def test_an_invoice_that_exists_is_never_changed_by_asking_again(
    netsuite: Any, project: str, invoice: Any, sandbox: Sandbox
):
    dearer = CreateInvoice(invoice=an_invoice("INV-1", project_ref=project, net="2000.00"))

    for attempt in (1, 2):
        with pytest.raises(Rejected) as raised:
            do(netsuite, dearer, attempt=attempt)
        assert raised.value.code == "duplicate_in_vendor"
    with pytest.raises(Rejected):
        run(netsuite.lookup(a_call(dearer, key="k")))

    (found,) = sandbox.ask("ledger?vendor=netsuite&kind=invoice&key=INV-1")
    assert (found["creations"], found["updates"], found["body"]["total"]) == (1, 0, 1000.0)


def test_payments_and_credits_show_and_are_told_apart(netsuite: Any, invoice: Any, project: str, sandbox: Sandbox):
    sandbox.tell("pay", invoice=invoice.ref, amount=400)
    assert do(netsuite, of(ReadInvoice, invoice.ref)).payload["state"] == "partly_paid"
    sandbox.tell("pay", invoice=invoice.ref)
    assert do(netsuite, of(ReadInvoice, invoice.ref)).payload["state"] == "paid"

    other = do(netsuite, CreateInvoice(invoice=an_invoice("INV-2", project_ref=project)))
    credit = CreditInvoice(
        credit_memo_id="CRN-1", invoice_id="INV-2", invoice_ref=other.ref, legal_entity="US-01",
        credit_date=clock.now().date(), reason="wrong rate",
    )  # fmt: skip
    assert run(netsuite.lookup(a_call(credit, key="k"))) is None
    done, again = do(netsuite, credit), do(netsuite, credit)

    assert done.ref == again.ref
    assert done.payload["number"]
    assert (done.payload["invoice"]["state"], done.payload["invoice"]["open_balance"]) == ("credited", "0")
    assert do(netsuite, of(ReadInvoice, other.ref)).payload["state"] == "credited"
    assert run(netsuite.lookup(a_call(credit, key="k"))).ref == done.ref
    assert [one["creations"] for one in sandbox.ask("ledger?vendor=netsuite&kind=creditMemo&key=CRN-1")] == [1]


def test_an_invoice_is_voided_once(netsuite: Any, invoice: Any):
    assert run(netsuite.lookup(a_call(of(VoidInvoice, invoice.ref), key="k"))) is None

    done = do(netsuite, of(VoidInvoice, invoice.ref))

    assert (done.payload["state"], done.payload["open_balance"]) == ("voided", "0")
    assert do(netsuite, of(VoidInvoice, invoice.ref)).payload["state"] == "voided"
    assert run(netsuite.lookup(a_call(of(VoidInvoice, invoice.ref), key="k"))) is not None


def test_a_project_is_closed_and_stays(netsuite: Any, project: str, sandbox: Sandbox):
    command = CancelProject(project_id="PRJ-1", project_ref=project, legal_entity="US-01")

    do(netsuite, command)
    do(netsuite, command)

    (job,) = sandbox.ask("ledger?vendor=netsuite&kind=job&key=PRJ-1")
    assert (job["body"]["entityStatus"]["id"], job["body"]["isInactive"]) == ("1", True)


def test_a_closed_period_is_known_before_and_refused_after(netsuite: Any, project: str, sandbox: Sandbox):
    today = clock.now().date()
    command = CheckPeriod(legal_entity="US-01", day=today)
    assert do(netsuite, command).payload["state"] == "open"

    sandbox.tell("period", subsidiary="US-01", period=f"{today:%Y-%m}", state="closed")

    assert do(netsuite, command).payload == {"state": "closed", "period": f"{today:%b %Y}"}
    assert do(netsuite, CheckPeriod(legal_entity="UK-01", day=today)).payload["state"] == "open"
    with pytest.raises(Rejected) as raised:
        do(netsuite, CreateInvoice(invoice=an_invoice("INV-9", project_ref=project)))
    assert (raised.value.code, raised.value.field) == ("period_closed", "postingPeriod")
    assert (
        do(netsuite, CheckPeriod(legal_entity="US-01", day=today + timedelta(days=4000))).payload["state"] == "closed"
    )


def test_what_the_account_cannot_do_is_said(netsuite: Any, sandbox: Sandbox, line: Line, project: str):
    bare = connect(
        line,
        code="netsuite",
        vendor=NetSuiteConnector,
        path="/netsuite",
        secret=secret_of(sandbox, "netsuite"),
        settings={},
    )
    assert (netsuite.capabilities.budget, bare.capabilities.budget) == (True, False)
    budget = SetBudget(project_id="PRJ-1", project_ref=project, legal_entity="US-01", currency="USD", lines=())

    with pytest.raises(Rejected, match="RESTlet"):
        do(bare, budget)
    with pytest.raises(Rejected, match="cannot carry out SetRevenueSchedule"):
        do(
            netsuite,
            SetRevenueSchedule(project_id="P", project_ref="1", legal_entity="US-01", currency="USD", lines=()),
        )


def test_changes_are_found_page_by_page_and_read_again_under_one_id(
    netsuite: Any, project: str, invoice: Any, sandbox: Sandbox
):
    first = run(netsuite.changes(""))
    again = run(netsuite.changes(first.cursor))
    sandbox.tell("pay", invoice=invoice.ref)
    third = run(netsuite.changes(again.cursor))

    assert [one.subject for one in first.events] == [f"invoice:{invoice.ref}"]
    assert [one.external_id for one in again.events] == [one.external_id for one in first.events]
    (paid,) = third.events
    assert paid.external_id != first.events[0].external_id
    envelope = netsuite.parse(paid.body)
    assert (envelope.name, envelope.subject) == ("invoice.changed", invoice.ref)
    assert (envelope.payload["key"], envelope.payload["state"]) == ("INV-1", "paid")


def test_one_token_serves_many_calls_and_is_replaced_when_revoked(netsuite: Any, sandbox: Sandbox, line: Line):
    command = CheckPeriod(legal_entity="US-01", day=clock.now().date())

    async def many() -> None:
        await asyncio.gather(*(netsuite.execute(a_call(command, key=str(n))) for n in range(20)))

    run(many())
    assert sum("oauth2" in one.path for one in line.heard) == 1

    sandbox.tell("netsuite/revoke")
    with pytest.raises(Misconfigured):
        do(netsuite, command)
    netsuite._tokens._fetched_at -= 60
    assert do(netsuite, command).payload["state"] == "open"
    assert sum("oauth2" in one.path for one in line.heard) == 2


def test_a_wrong_key_is_an_admins_matter_and_never_shown(line: Line, sandbox: Sandbox):
    secret = secret_of(sandbox, "netsuite")
    for broken in (
        {**secret, "certificate_id": "other"},
        {**secret, "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA"},
        {"account": "1"},
    ):
        netsuite = connect(
            line, code="netsuite", vendor=NetSuiteConnector, path="/netsuite", secret=broken, settings={}
        )
        with pytest.raises(Misconfigured) as raised:
            run(netsuite.health())
        assert raised.value.code == "credentials_expired"
        assert "AAAA" not in str(raised.value)
        assert raised.value.__cause__ is None


def test_health_tells_what_the_account_shows(netsuite: Any):
    assert run(netsuite.health()) == {"subsidiaries": 2, "budget": True}


def test_the_concurrency_limit_pauses_the_account(netsuite: Any, project: str, sandbox: Sandbox):
    call = a_call(CheckPeriod(legal_entity="US-01", day=clock.now().date()), key="k")
    sandbox.tell("netsuite/limits", concurrency_limit=1)
    sandbox.tell("latency", vendor="netsuite", ms=100)

    async def two() -> list[Any]:
        return await asyncio.gather(netsuite.execute(call), netsuite.execute(replace(call)), return_exceptions=True)

    try:
        answers = run(two())
    finally:
        sandbox.tell("netsuite/limits", concurrency_limit=15)
        sandbox.tell("latency", vendor="netsuite", ms=0)

    refused = [one for one in answers if isinstance(one, Exception)]
    assert [(type(one).__name__, one.scope, one.retry_after_s) for one in refused] == [
        ("TransientFailure", "system", 1.0)
    ]
