"""Cases as the walk makes them, and people deciding on them."""

from typing import Any

from apps.access.models import User
from apps.canonical.codec import from_json
from apps.canonical.commands import CreateInvoice
from apps.connectors import registry as connectors
from apps.connectors.base import Call, Done
from apps.events import delivery
from apps.events.models import OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.decisions import approval, registry
from apps.projects.models import Project
from tests.plugins.estate import PROOF, Estate

REFUSAL = {
    "status": 400,
    "body": {
        "title": "Bad Request",
        "status": 400,
        "o:errorDetails": [{"detail": "Please enter a valid order number.", "o:errorCode": "USER_ERROR"}],
    },
}


def person(username: str) -> User:
    return User.objects.get(username=username)


def decide(
    name: str, case: ExceptionCase, *, by: str = "finance", why: str = "because", **inputs: Any
) -> registry.DecisionOffer:
    return registry.apply(name, case_id=case.pk, by=person(by), why=why, inputs=inputs)


def offer(name: str, case: ExceptionCase, *, to: str = "finance") -> registry.DecisionOffer:
    return next(each for each in registry.offered(case, person(to)) if each.name == name)


def asked() -> Approval:
    """The one approval that is open."""
    return Approval.objects.get(state=ApprovalState.REQUESTED)


def agree(found: Approval, *, by: str = "controller") -> None:
    approval.grant(found.pk, by=person(by).actor, why="seen", seen_hash=found.payload_hash)


def refused_invoice(company: Estate, *, project: Project | None = None) -> ExceptionCase:
    """The ERP refuses to create an invoice, and would take it from now on."""
    project = project or company.activated(company.win())
    company.sandbox.tell("faults", vendor="netsuite", match={"path": "/invoice"}, fault=REFUSAL)
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    company.settle()
    company.outside.mend()
    return ExceptionCase.objects.get(saga="milestone_billing", step="erp_invoice")


def sent(case: ExceptionCase) -> list[OutboxCommand]:
    return list(OutboxCommand.objects.filter(reference=case.reference).order_by("pk"))


def keyed_by_hand(creation: OutboxCommand) -> str:
    """The invoice of a command, in NetSuite without our asking; returns its id there."""
    call = Call(command=from_json(CreateInvoice, creation.body), idempotency_key="by-hand", legal_entity="US-01")
    done = delivery.run(connectors.connector_for("netsuite").execute(call))
    assert isinstance(done, Done)
    return done.ref
