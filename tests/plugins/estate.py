"""Fixtures: the demo company connected to the sandbox, and the world outside of it, driven by this process alone."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from apps.billing.models import Invoice
from apps.connectors import registry, slots
from apps.connectors.base import Request
from apps.connectors.models import ConnectedSystem
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.ids import new_id
from apps.events import delivery, inbox, polling
from apps.events.models import InboxEvent, OutboxCommand, Stream
from apps.events.states import UNFINISHED
from apps.processes import work_off
from apps.processes.demo import deals, estate
from apps.processes.demo.outside import Outside
from apps.processes.demo.walk import APPROVERS
from apps.processes.demo.watching import agree
from apps.projects.models import Project
from tests.plugins.sandbox import Sandbox

NO_TRYTON = "http://127.0.0.1:1/erp"
PASSWORD = "correct horse battery"
PROOF = {"achieved_on": "2026-11-20", "evidence": "Acceptance protocol signed"}


@dataclass(frozen=True)
class Estate:
    """The company under test. Nothing runs in the background: `settle` does what workers would."""

    sandbox: Sandbox
    outside: Outside

    def settle(self, *, timeout_s: float = 60) -> None:
        """Work everything off, as workers would, until nothing is due now or within the next seconds."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            work_off.drain(budget_s=timeout_s)
            if not self.is_busy():
                return
            time.sleep(0.05)

    def is_busy(self, *, soon_s: float = 25) -> bool:
        """Whether events wait, or commands that are due soon to systems that may be called."""
        soon = clock.now() + timedelta(seconds=soon_s)
        callable_now = ConnectedSystem.objects.filter(enabled=True, paused_until=None).values("code")
        commands = OutboxCommand.objects.filter(state__in=UNFINISHED, due_at__lte=soon, system__in=callable_now)
        return Stream.objects.filter(due_at__lte=soon).exists() or commands.exists()

    def hear(self, ref: str, *, timeout_s: float = 20) -> None:
        """Poll the CRM until a deal has reached the inbox; its search index lags behind."""
        ends_at = time.monotonic() + timeout_s
        while not InboxEvent.objects.filter(stream_key__endswith=f"deal:{ref}").exists():
            assert time.monotonic() < ends_at, f"the CRM never told of deal {ref}"
            ConnectedSystem.objects.filter(code="hubspot").update(next_poll_at=None)
            polling.poll_due()

    def hear_again(self, ref: str) -> None:
        """Take in what changed on a deal, as its webhook would tell, and work it off."""
        body = {"eventId": 1, "subscriptionId": 2, "portalId": 62515, "occurredAt": int(time.time() * 1000),
                "subscriptionType": "deal.propertyChange", "objectId": int(ref), "propertyName": "amount",
                "propertyValue": "1", "changeSource": "CRM"}  # fmt: skip
        request = Request("POST", "http://127.0.0.1:8000/", {}, json.dumps([body]).encode())
        inbox.accept(registry.connector_for("hubspot").split(request), system="hubspot")
        self.settle()

    def win(self, company: str = "nimbus", *, entity: str = "US-01", currency: str = "USD", **deal: Any) -> str:
        """A deal is won in the CRM; returns its id. Two milestones of 1,000.00 and 2,500.50 unless said otherwise."""
        lines = deal.pop("lines", None) or deals.line(
            entity,
            "IMPLEMENTATION",
            [("M1", "Design", "1000.00"), ("M2", "Go-live", "2500.50")],
            first_due=date(2026, 12, 1),
        )
        spec = deals.deal(
            deal.pop("name", "Atlas rollout"),
            company={**deals.COMPANIES[company], **deal.pop("company_changes", {})},
            currency=currency,
            lines=lines,
            starts_on=date(2026, 11, 1),
            **deal,
        )
        return self.outside.win(spec)

    def tell(self, system: str, kind: str, data: dict[str, Any], *, event_id: str = "") -> int:
        """A system's CloudEvent, as if it had come through the door; returns how many events were new."""
        event = {
            "specversion": "1.0",
            "id": event_id or new_id("E"),
            "source": f"/{system}",
            "type": f"com.tieout.{kind}",
            "time": "2026-11-20T09:00:00Z",
            "data": data,
        }
        request = Request("POST", "http://127.0.0.1:8000/", {}, json.dumps(event).encode())
        return inbox.accept(registry.connector_for(system).split(request), system=system)

    def activated(self, ref: str) -> Project:
        """Work off a won deal, agree to everything, and return its (first) project."""
        self.hear(ref)
        self.settle()
        contract = Contract.objects.get(ref=ref)
        while agree(story=contract.correlation_id, by=APPROVERS):
            self.settle()
        return Project.objects.filter(contract=contract).order_by("pk")[0]

    def bill(self, project: Project, code: str, **said: str) -> Invoice | None:
        """The PSA says a milestone is achieved; agree to its invoice, and return it, None when none was drafted."""
        self.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": code, **PROOF, **said})
        self.settle()
        while agree(story=project.correlation_id, by=APPROVERS):
            self.settle()
        return Invoice.objects.filter(project=project, milestone__code=code).order_by("-revision").first()


@pytest.fixture
def estate_of(transactional_db: None, sandbox: Sandbox) -> Iterator[Callable[..., Estate]]:
    """Make the estate with its ERP for DE-01 at a given address."""

    def make(*, tryton_url: str = NO_TRYTON) -> Estate:
        registry.forget_all()
        slots._present.clear()
        call_command("masters", verbosity=0)
        estate.connect_systems(sandbox_url=sandbox.base_url, tryton_url=tryton_url, public_url="http://127.0.0.1:8000")
        if tryton_url == NO_TRYTON:
            ConnectedSystem.objects.filter(code="tryton").update(enabled=False)
        estate.hire_people(password=PASSWORD)
        return Estate(sandbox, Outside(sandbox.base_url))

    yield make
    delivery.close()


@pytest.fixture
def company(estate_of: Callable[..., Estate]) -> Estate:
    """The estate without a Tryton: for US-01 and UK-01."""
    return estate_of()
