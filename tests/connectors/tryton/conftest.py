"""Fixtures: the connector on a real Tryton, and stories told up to a point."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.canonical import commands
from apps.canonical.billing import BillingMilestone, Invoice, InvoiceLine
from apps.canonical.commands import Command
from apps.canonical.parties import Account, BillingContact
from apps.canonical.projects import Project, ProjectTask
from apps.connectors import http
from apps.connectors.base import Call, Changes, Done, SystemFacts
from apps.connectors.redaction import Redactor
from apps.connectors.tryton.connector import TrytonConnector
from apps.core.clock import now
from apps.core.ids import idempotency_key, new_id
from tests.plugins.tryton import TrytonBooks

# Posting takes half a second on an idle machine and many on one that runs other tests beside.
PATIENCE_S = 120.0


@dataclass
class Erp:
    """The connector, spoken to one command at a time, beside the books it writes to."""

    books: TrytonBooks
    connector: TrytonConnector
    today: date = field(default_factory=lambda: now().astimezone(ZoneInfo("Europe/Berlin")).date())

    def execute(self, command: Command, **more: Any) -> Done:
        return self.run(self.connector.execute(self.call(command, **more)))

    def lookup(self, command: Command) -> Done | None:
        return self.run(self.connector.lookup(self.call(command)))

    def changes(self, cursor: str = "") -> Changes:
        return self.run(self.connector.changes(cursor))

    def call(self, command: Command, **more: Any) -> Call:
        key = idempotency_key(type(command).__name__, command.model_dump_json())
        return Call(command, key, legal_entity="DE-01", **{"deadline_s": PATIENCE_S} | more)

    @staticmethod
    def run(work: Coroutine[Any, Any, Any]) -> Any:
        async def all_of_it() -> Any:
            try:
                return await work
            finally:
                await http.close()

        return asyncio.run(all_of_it())


@dataclass
class Story:
    """A customer with a project and two milestones of 10,000 and 5,000, as far as a test wants it told."""

    erp: Erp
    customer_id: str = field(default_factory=lambda: new_id("ACC"))
    project_id: str = field(default_factory=lambda: new_id("PRJ"))
    customer_ref: str = ""
    project_ref: str = ""
    milestone_ids: tuple[str, str] = field(default_factory=lambda: (new_id("BMS"), new_id("BMS")))
    milestones: dict[str, str] = field(default_factory=dict)

    def customer(self, **changed: Any) -> commands.UpsertCustomer:
        contact = BillingContact(
            name="Globex Buchhaltung",
            email="rechnung@globex.example",
            street="Ring 1",
            city="Köln",
            zip="50667",
            country="DE",
        )
        fields = {"ref": "9001", "name": "Globex GmbH", "country": "DE", "bill_to": contact} | changed
        return commands.UpsertCustomer(
            customer_id=self.customer_id, legal_entity="DE-01", currency="EUR", account=Account(**fields)
        )

    def project(self, **changed: Any) -> commands.CreateProject:
        fields = {
            "id": self.project_id, "name": "Globex roll-out", "legal_entity": "DE-01", "currency": "EUR",
            "customer_id": self.customer_id, "customer_ref": self.customer_ref, "service_line": "IMPLEMENTATION",
            "cost_centre": "CC-100", "budget": Decimal("15000.00"),
        } | changed  # fmt: skip
        return commands.CreateProject(project=Project(**fields))

    def tasks(self, *hours: int) -> commands.UpsertTasks:
        tasks = tuple(ProjectTask(code=f"T{n}", name=f"Task {n}", budget_hours=h) for n, h in enumerate(hours, 1))
        return commands.UpsertTasks(
            project_id=self.project_id, project_ref=self.project_ref, legal_entity="DE-01", tasks=tasks
        )

    def schedule(self, *amounts: str) -> commands.CreateBillingSchedule:
        milestones = tuple(
            BillingMilestone(id=id_, code=f"M{n}", name=f"Step {n}", amount=Decimal(amount), due_on=self.erp.today)
            for n, (id_, amount) in enumerate(
                zip(self.milestone_ids, amounts or ("10000.00", "5000.00"), strict=True), 1
            )
        )
        return commands.CreateBillingSchedule(
            project_id=self.project_id, project_ref=self.project_ref, customer_ref=self.customer_ref,
            legal_entity="DE-01", currency="EUR", service_line="IMPLEMENTATION", milestones=milestones,
        )  # fmt: skip

    def begin(self) -> "Story":
        self.customer_ref = self.erp.execute(self.customer()).ref
        self.project_ref = self.erp.execute(self.project()).ref
        self.milestones = self.erp.execute(self.schedule()).payload["milestones"]
        return self

    def invoice(
        self, amount: str = "10000.00", *, tax_code: str = "DE19", rate: int = 19, first: bool = True, **changed: Any
    ) -> commands.CreateInvoice:
        net = Decimal(amount)
        tax = (net * rate / 100).quantize(Decimal("0.01"))
        milestone = self.milestone_ids[0 if first else 1]
        line = InvoiceLine(
            ref="1", description="Step 1", service_line="IMPLEMENTATION", amount=net, milestone_id=milestone,
            milestone_ref=self.milestones[milestone], tax_code=tax_code, tax_rate_percent=rate, tax_amount=tax,
        )  # fmt: skip
        fields = {
            "id": new_id("INV"), "legal_entity": "DE-01", "currency": "EUR", "customer_id": self.customer_id,
            "customer_ref": self.customer_ref, "project_id": self.project_id, "project_ref": self.project_ref,
            "invoice_date": self.erp.today, "po_number": "PO-77", "lines": (line,),
            "net": net, "tax": tax, "total": net + tax,
        } | changed  # fmt: skip
        return commands.CreateInvoice(invoice=Invoice(**fields))

    def about(self, create: commands.CreateInvoice, ref: str) -> dict[str, str]:
        """What every later command says about an invoice."""
        return {"invoice_id": create.invoice.id, "invoice_ref": ref, "legal_entity": "DE-01"}

    def posted(self, *args: Any, **more: Any) -> tuple[commands.CreateInvoice, str]:
        create = self.invoice(*args, **more)
        ref = self.erp.execute(create).ref
        self.erp.execute(commands.PostInvoice(**self.about(create, ref)))
        return create, ref


def connector_on(books: TrytonBooks, *, base_url: str = "", **secret: Any) -> TrytonConnector:
    """A fresh connector, with parts of its secret replaced; `base_url` to reach Tryton by another way."""
    secret, base_url = books.secret | secret, base_url or books.base_url
    settings = {"timeout_s": PATIENCE_S}
    facts = SystemFacts(code="tryton", vendor="tryton", base_url=base_url, settings=settings, secret=secret)
    return TrytonConnector(facts, http.Door(base_url=base_url, redact=Redactor(secret), timeout_s=PATIENCE_S))


@pytest.fixture(scope="session")
def erp(tryton_server: TrytonBooks) -> Erp:
    return Erp(tryton_server, connector_on(tryton_server))


@pytest.fixture
def story(erp: Erp) -> Story:
    """A story not begun: nothing of it is in the ERP."""
    return Story(erp)


@pytest.fixture
def begun(erp: Erp) -> Story:
    """Customer, project and milestones are in the ERP."""
    return Story(erp).begin()
