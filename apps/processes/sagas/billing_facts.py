"""The facts of milestone billing and invoice feedback: one view per run over what was loaded for the whole set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from apps.billing.actions.revenue import RevenuePlan, hold_revenue
from apps.billing.eligibility import BillingFacts
from apps.billing.models import BillingMilestone, Invoice, InvoiceLine
from apps.billing.queries import billing_facts
from apps.contracts.models import Account, Contract, LegalEntity
from apps.core import clock
from apps.core.money import Money
from apps.governance.models import Approval
from apps.processes.batch import Batch
from apps.processes.definition import Ctx, Entity
from apps.processes.models import ProcessRun
from apps.processes.sagas.shared import Shared, entity_facts, required_entity
from apps.projects.models import Project


class BillingSet(Shared):
    """The set's facts; its milestones and invoices are locked, because they are what changes."""

    def __init__(self, batch: Batch, runs: Sequence[ProcessRun]) -> None:
        super().__init__(batch, runs)
        self.invoice_ids = [str(run.notes["invoice"]) for run in runs if run.notes.get("invoice")]
        # The parts that are asked for, by milestone; a run without an amount bills all that remains.
        self.asked = {run.subject_id: Decimal(str(run.trigger["amount"])) for run in runs if run.trigger.get("amount")}

    @cached_property
    def milestones(self) -> dict[str, BillingMilestone]:
        return self.batch.work.lock(BillingMilestone, self.subjects)

    @cached_property
    def invoices(self) -> dict[str, Invoice]:
        return self.batch.work.lock(Invoice, self.invoice_ids)

    @property
    def project_ids(self) -> list[str]:
        return sorted({milestone.project_id for milestone in self.milestones.values()})

    @cached_property
    def checks(self) -> dict[str, BillingFacts]:
        """What the pure rules decide over."""
        return billing_facts(self.subjects, asked=self.asked)

    @cached_property
    def lines(self) -> dict[str, list[InvoiceLine]]:
        found: dict[str, list[InvoiceLine]] = {}
        for row in InvoiceLine.objects.filter(invoice_id__in=self.invoices).order_by("position"):
            self.batch.work.track(row)
            found.setdefault(row.invoice_id, []).append(row)
        return found

    @cached_property
    def revenue(self) -> dict[str, RevenuePlan]:
        """The schedule that counts and its lines, by project; locked."""
        return hold_revenue(self.batch.work, self.project_ids)

    def linked_ids(self) -> list[str]:
        return [*super().linked_ids(), *self.milestones, *self.invoice_ids]

    def approved_ids(self) -> list[str]:
        return self.invoice_ids


@dataclass(slots=True)
class Billing:
    """One run's view. `invoice` is the one it drafts and sees through to the ERP's books."""

    shared: BillingSet
    run: ProcessRun

    @property
    def milestone(self) -> BillingMilestone:
        """Locked; changes are written with the batch."""
        return self.shared.milestones[self.run.subject_id]

    @property
    def project(self) -> Project:
        """Not locked."""
        return self.shared.projects[self.milestone.project_id]

    @property
    def contract(self) -> Contract:
        """Not locked."""
        return self.shared.contracts[self.milestone.contract_id]

    @property
    def account(self) -> Account:
        """A milestone that exists belongs to an activated project, so to a known customer."""
        account = self.contract.account
        assert account is not None
        return account

    @property
    def entity(self) -> LegalEntity:
        """The legal entity; raises Misconfigured when it is unknown."""
        return required_entity(self.shared.entities.get(self.milestone.legal_entity), code=self.milestone.legal_entity)

    @property
    def checks(self) -> BillingFacts:
        """For the pure rules."""
        return self.shared.checks[self.run.subject_id]

    @property
    def asked(self) -> Decimal | None:
        """The part that is to be billed, None for all that remains."""
        return self.shared.asked.get(self.run.subject_id)

    @property
    def invoice(self) -> Invoice:
        """The invoice of this run, drafted by an earlier step."""
        return self.shared.invoices[str(self.run.notes["invoice"])]

    @property
    def lines(self) -> list[InvoiceLine]:
        """Its lines."""
        return self.shared.lines[self.invoice.pk]

    @property
    def approvals(self) -> list[Approval]:
        """What was asked of approvers for this invoice."""
        return self.shared.approvals.get(self.invoice.pk, [])

    @property
    def invoice_ref(self) -> str:
        """The ERP's own id of the invoice, empty before it is known."""
        return self.link(self.invoice.pk, kind="invoice")

    @property
    def today(self) -> date:
        """The day in the entity's zone."""
        return clock.today(self.entity.zone)

    @property
    def invoice_day(self) -> date:
        """The day the invoice bears: today's, unless people have agreed to another one."""
        chosen = self.run.notes.get("invoice_date")
        return date.fromisoformat(chosen) if chosen else self.today

    def link(self, canonical_id: str, *, kind: str) -> str:
        """The ERP's id of one of our objects, empty when there is none."""
        return self.shared.links.get((canonical_id, self.entity.erp, kind), "")


def load(batch: Batch, runs: Sequence[ProcessRun]) -> dict[str, Billing]:
    """A view per run over the set."""
    shared = BillingSet(batch, runs)
    return {run.pk: Billing(shared, run) for run in runs}


def at_risk(facts: Billing) -> Money | None:
    """What is not billed: the invoice's total once there is one, else what the milestone has left."""
    if facts.run.notes.get("invoice"):
        return Money(facts.invoice.total, facts.invoice.currency)
    return Money(facts.asked or facts.milestone.remaining, facts.milestone.currency)


def entity_of(facts: Billing) -> Entity:
    """Whose business hours count."""
    code = facts.milestone.legal_entity
    return entity_facts(facts.shared.entities.get(code), code=code)


def blocked(facts: Billing) -> tuple[str, ...]:
    """What waits downstream."""
    return (f"Invoice of {facts.milestone.name}", f"Revenue of {facts.project.name}", "News to the account team")


def shown(facts: Billing) -> dict[str, Any]:
    """What we hold of the milestone and its invoice."""
    milestone = facts.milestone
    held: dict[str, Any] = {
        "milestone": {
            "code": milestone.code,
            "name": milestone.name,
            "amount": str(milestone.amount),
            "invoiced_amount": str(milestone.invoiced_amount),
            "currency": milestone.currency,
            "due_on": milestone.due_on.isoformat() if milestone.due_on else None,
        }
    }
    if facts.run.notes.get("invoice"):
        invoice = facts.invoice
        held["invoice"] = {
            "id": invoice.pk,
            "net": str(invoice.net),
            "tax": str(invoice.tax),
            "total": str(invoice.total),
            "currency": invoice.currency,
            "invoice_date": invoice.invoice_date.isoformat(),
        }
    return held


def facts_of(ctx: Ctx) -> Billing:
    """The view a step of this saga is given."""
    view: Billing = ctx.facts
    return view
