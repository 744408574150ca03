"""The vendors on the bench: one line and one connector each, all against the same sandbox."""

import base64
import hmac
import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from standardwebhooks import Webhook

from apps.canonical.billing import Invoice, InvoiceLine
from apps.canonical.commands import (
    Announce,
    CheckPeriod,
    CreateInvoice,
    CreateProject,
    ReadOpportunity,
    UpdateOpportunity,
    UpsertCustomer,
)
from apps.canonical.parties import Account
from apps.canonical.projects import Project
from apps.connectors.base import Call, Request
from apps.connectors.hubspot.connector import HubSpotConnector
from apps.connectors.netsuite.connector import NetSuiteConnector
from apps.connectors.webhooks.connector import WebhooksConnector
from apps.core import clock
from tests.connectors.bench import CORRELATION, Bench, connect, run, secret_texts
from tests.connectors.line import Line
from tests.plugins.sandbox import Sandbox

PUBLIC_URL = "https://tieout.example/api/v1/inbound/hubspot/"
NETSUITE_SETTINGS = {"restlet": {"script": "customscript_tieout", "deploy": "customdeploy_tieout"}}
HAS_TRYTON = importlib.util.find_spec("tests.connectors.tryton") is not None and (
    importlib.util.find_spec("tests.connectors.tryton.bench") is not None
)
SCRIPT_SECRET = "whsec_" + base64.b64encode(b"what the user-event script signs with").decode()
VENDORS = ["hubspot", "netsuite", "webhooks", *(["tryton"] if HAS_TRYTON else [])]


@pytest.fixture(scope="session")
def sandbox_line(sandbox_process: Sandbox) -> Iterator[Line]:
    made = Line(sandbox_process.base_url)
    yield made
    made.close()


@pytest.fixture
def line(sandbox_line: Line, sandbox: Sandbox) -> Line:
    sandbox_line.forget()
    return sandbox_line


@pytest.fixture
def hubspot(line: Line, sandbox: Sandbox) -> Any:
    settings = {"public_url": PUBLIC_URL, "app_id": 54321, "max_in_flight_s": 2}
    return connect(
        line,
        code="hubspot",
        vendor=HubSpotConnector,
        path="/hubspot",
        secret=secret_of(sandbox, "hubspot"),
        settings=settings,
    )


@pytest.fixture
def netsuite(line: Line, sandbox: Sandbox) -> Any:
    return connect(
        line,
        code="netsuite",
        vendor=NetSuiteConnector,
        path="/netsuite",
        secret={**secret_of(sandbox, "netsuite"), "webhook_secret": SCRIPT_SECRET},
        settings=NETSUITE_SETTINGS,
    )


@pytest.fixture
def psa(line: Line, sandbox: Sandbox) -> Any:
    return connect(
        line, code="psa", vendor=WebhooksConnector, path="/events/psa", secret=secret_of(sandbox, "psa"), settings={}
    )


@pytest.fixture
def tax(line: Line, sandbox: Sandbox) -> Any:
    return connect(
        line, code="tax", vendor=WebhooksConnector, path="/events/tax", secret=secret_of(sandbox, "tax"), settings={}
    )


@pytest.fixture(params=VENDORS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each vendor in turn."""
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    made.line.forget()
    return made


@pytest.fixture
def hubspot_bench(hubspot: Any, line: Line, sandbox: Sandbox) -> Bench:
    won = sandbox.tell("hubspot/won", **a_win())

    def write(n: int) -> Call:
        return a_call(UpdateOpportunity(ref=won["deal_id"], project_id=f"PRJ-{n}", currency="USD"), key=f"key-{n}")

    def effects(call: Call) -> int:
        deals = sandbox.ask("ledger?vendor=hubspot&kind=deals")
        return sum(one["body"]["properties"].get("erp_project_id") == call.command.project_id for one in deals)  # type: ignore[attr-defined]

    return Bench(
        code="hubspot",
        connector=hubspot,
        line=line,
        write=write,
        effects=effects,
        read=lambda: a_call(ReadOpportunity(ref=won["deal_id"]), key="read"),
        inbound=lambda **how: hubspot_request(secret_of(sandbox, "hubspot")["client_secret"], **how),
        bad_events=[
            b'{"subscriptionType": "deal.propertyChange"}',
            b'{"subscriptionType": "deal.propertyChange", "objectId": {}}',
            b'{"subscriptionType": "deal.propertyChange", "objectId": "12\\u0000"}',
            b'{"subscriptionType": 7, "objectId": 12}',
            b'{"subscriptionType": "deal.propertyChange", "objectId": NaN}',
        ],
        secrets=secret_texts(secret_of(sandbox, "hubspot")),
    )


@pytest.fixture
def netsuite_bench(netsuite: Any, line: Line, sandbox: Sandbox) -> Bench:
    project_ref = a_project(netsuite)

    def write(n: int) -> Call:
        return a_call(CreateInvoice(invoice=an_invoice(f"INV-{n}", project_ref=project_ref)), key=f"key-{n}")

    def effects(call: Call) -> int:
        key = call.command.invoice.id  # type: ignore[attr-defined]
        return sum(one["creations"] for one in sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={key}"))

    good = {
        "ref": "1", "key": "INV-1", "number": "7", "state": "posted", "currency": "USD", "net": "1", "tax": "0",
        "total": "1", "open_balance": "1",
    }  # fmt: skip
    wrong = [
        {"currency": "XXQ"},
        {"net": "NaN"},
        {"state": "eaten"},
        {"ref": 7},
        {"posted_on": "32.13.2026"},
        {"total": "1e99"},
    ]
    return Bench(
        code="netsuite",
        connector=netsuite,
        line=line,
        write=write,
        effects=effects,
        read=lambda: a_call(CheckPeriod(legal_entity="US-01", day=clock.now().date()), key="read"),
        inbound=lambda **how: cloudevent_request(
            SCRIPT_SECRET, body=json.dumps({"type": "invoice.changed", "invoice": good}).encode(), **how
        ),
        bad_events=[json.dumps({"type": "invoice.changed", "invoice": good | one}).encode() for one in wrong]
        + [b'{"type": "invoice.changed"}'],
        secrets=[*secret_texts(secret_of(sandbox, "netsuite")), SCRIPT_SECRET],
    )


@pytest.fixture
def webhooks_bench(psa: Any, line: Line, sandbox: Sandbox) -> Bench:
    def write(n: int) -> Call:
        command = Announce(type="project.staffing_requested", subject=f"PRJ-{n}", body={"role": "lead"})
        return a_call(command, key=f"6f1c9bb0-0000-5000-8000-{n:012d}")

    def effects(call: Call) -> int:
        stored = sandbox.ask("ledger?vendor=psa")
        return sum(one["creations"] for one in stored if one["key"] == call.idempotency_key)

    event = {"specversion": "1.0", "id": "1", "source": "/psa", "type": "com.tieout.milestone.achieved"}
    data = {"project_id": "PRJ-1", "milestone_code": "M1", "achieved_on": "2026-11-20"}
    wrong: list[Any] = [
        7,
        data | {"achieved_on": "yesterday"},
        data | {"amount": "-1"},
        data | {"amount": "NaN"},
        data | {"project_id": ""},
        data | {"surprise": 1},
        {**data, "milestone_code": None},
    ]
    return Bench(
        code="webhooks",
        connector=psa,
        line=line,
        write=write,
        effects=effects,
        inbound=lambda **how: cloudevent_request(secret_of(sandbox, "psa")["secret"], **how),
        bad_events=[json.dumps({**event, "data": one}).encode() for one in wrong]
        + [json.dumps({**event, "specversion": "0.3", "data": data}).encode()],
        secrets=secret_texts(secret_of(sandbox, "psa")),
    )


@pytest.fixture
def tryton_bench(request: pytest.FixtureRequest) -> Bench:
    from tests.connectors.tryton.bench import tryton_bench

    made: Bench = tryton_bench(request)
    return made


def a_call(command: Any, *, key: str, **more: Any) -> Call:
    return Call(command=command, idempotency_key=key, legal_entity="US-01", correlation_id=CORRELATION, **more)


def within(call: Call, seconds: float) -> Call:
    """The same call with less time."""
    return replace(call, deadline_s=seconds)


def secret_of(sandbox: Sandbox, system: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((sandbox.secrets_folder / f"{system}.json").read_text())
    return found


def a_win(**more: Any) -> dict[str, Any]:
    """A deal over two milestones of one legal entity, its customer in New York."""
    line = {
        "hs_sku": "IMPLEMENTATION", "quantity": "1", "legal_entity": "US-01", "billing_method": "fixed_fee_milestone",
    }  # fmt: skip
    return {
        "name": "Roll-out",
        "currency": "USD",
        "contract_start": "2026-12-01",
        "contract_end": "2027-05-31",
        "po_number": "PO-77",
        "po_amount": "150000",
        "delivery_model": "hybrid",
        "company": {
            "name": "Contoso Inc.", "domain": "contoso.example", "address": "1 Main St", "city": "New York",
            "zip": "10001", "country": "US", "billing_email": "ap@contoso.example", "payment_terms_days": "45",
        },
        "lines": [
            {**line, "name": "Design", "price": "40000.50", "milestone_code": "M1", "milestone_due": "2026-12-31"},
            {**line, "name": "Go-live", "price": "60000", "milestone_code": "M2"},
        ],
        **more,
    }  # fmt: skip


def an_account() -> Account:
    bill_to = {"name": "Contoso Inc.", "street": "1 Main St", "city": "New York", "zip": "10001", "country": "US"}
    return Account.model_validate(
        {"ref": "77", "name": "Contoso Inc.", "country": "US", "bill_to": {**bill_to, "email": "ap@contoso.example"}}
    )


def a_project(netsuite: Any, *, project_id: str = "PRJ-1") -> str:
    """A customer and a project in the sandbox's NetSuite; the project's own id there."""
    customer = UpsertCustomer(customer_id="ACC-1", legal_entity="US-01", currency="USD", account=an_account())
    customer_ref = run(netsuite.execute(a_call(customer, key="customer"))).ref
    project = Project(
        id=project_id, name="Roll-out", legal_entity="US-01", currency="USD", customer_id="ACC-1", customer_ref=customer_ref,
        service_line="IMPLEMENTATION", budget=Decimal("100000.50"),
    )  # fmt: skip
    return str(run(netsuite.execute(a_call(CreateProject(project=project), key="project"))).ref)


def an_invoice(key: str, *, project_ref: str, net: str = "1000.00", **more: Any) -> Invoice:
    amount = Decimal(net)
    line = InvoiceLine(
        ref="1", description="Design", service_line="IMPLEMENTATION", amount=amount, milestone_id="BMS-1"
    )
    return Invoice(
        id=key, legal_entity="US-01", currency="USD", customer_id="ACC-1", customer_ref="", project_id="PRJ-1",
        project_ref=project_ref, invoice_date=more.pop("day", clock.now().date()), lines=(line,), net=amount,
        tax=Decimal(0), total=amount, **more,
    )  # fmt: skip


def hubspot_request(
    secret: str, *, body: bytes = b"", at_s: float | None = None, url: str = PUBLIC_URL, method: str = "POST"
) -> Request:
    """A webhook call as HubSpot signs it (v3)."""
    body = body or json.dumps([a_hubspot_event()]).encode()
    timestamp = str(int((time.time() if at_s is None else at_s) * 1000))
    signed = method.encode() + url.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, sha256).digest()).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    return Request("POST", PUBLIC_URL, headers, body)


def a_hubspot_event(**more: Any) -> dict[str, Any]:
    return {
        "eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": 1764000000000,
        "subscriptionType": "deal.propertyChange", "attemptNumber": 0, "objectId": 123, "propertyName": "dealstage",
        "propertyValue": "closedwon", "changeSource": "CRM", "sourceId": "userId:9001", **more,
    }  # fmt: skip


def cloudevent_request(secret: str, *, body: bytes = b"", at_s: float | None = None) -> Request:
    """A CloudEvent as the reference library signs it."""
    body = body or json.dumps(a_cloudevent()).encode()
    moment = clock.now() if at_s is None else clock.now().fromtimestamp(at_s, tz=clock.now().tzinfo)
    headers = {
        "webhook-id": "evt-1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("evt-1", moment, body.decode("utf-8", "surrogateescape")),
    }
    return Request("POST", "https://tieout.example/api/v1/inbound/psa/", headers, body)


def a_cloudevent(**more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "evt-1", "source": "/psa", "type": "com.tieout.milestone.achieved",
        "subject": "PRJ-1/M1", "time": "2026-11-20T09:00:00Z", "datacontenttype": "application/json",
        "correlationid": CORRELATION,
        "data": {
            "project_id": "PRJ-1", "milestone_code": "M1", "achieved_on": str(date(2026, 11, 20)), "evidence": "signed",
        },
        **more,
    }  # fmt: skip
