"""Invoice feedback: whatever became of an invoice in the ERP, the account team reads in the CRM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from apps.billing.models import Invoice
from apps.canonical.commands import UpdateOpportunity
from apps.contracts.models import Contract, LegalEntity
from apps.core import clock
from apps.core.money import Money, round_amount
from apps.processes.batch import Batch
from apps.processes.definition import Ctx, Entity, Outcome, Saga, Sending, Step
from apps.processes.models import ProcessRun
from apps.processes.sagas.shared import entity_facts


class FeedbackSet:
    """Invoices (locked: the time of telling is written), their contracts and entities; one query each."""

    def __init__(self, batch: Batch, runs: Sequence[ProcessRun]) -> None:
        self.batch = batch
        self.subjects = sorted({run.subject_id for run in runs})

    @cached_property
    def invoices(self) -> dict[str, Invoice]:
        return self.batch.work.lock(Invoice, self.subjects)

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        return Contract.objects.in_bulk({invoice.contract_id for invoice in self.invoices.values()})

    @cached_property
    def entities(self) -> dict[str, LegalEntity]:
        return {row.code: row for row in LegalEntity.objects.all()}


@dataclass(frozen=True, slots=True)
class Feedback:
    """One run's view."""

    shared: FeedbackSet
    subject: str

    @property
    def invoice(self) -> Invoice:
        """Locked."""
        return self.shared.invoices[self.subject]

    @property
    def contract(self) -> Contract:
        """Not locked."""
        return self.shared.contracts[self.invoice.contract_id]


def load(batch: Batch, runs: Sequence[ProcessRun]) -> dict[str, Feedback]:
    """A view per run over the set."""
    shared = FeedbackSet(batch, runs)
    return {run.pk: Feedback(shared, run.subject_id) for run in runs}


def tell_crm(ctx: Ctx) -> Sending:
    """Number, state, date and amount as they are now, not as they were when the story began."""
    facts: Feedback = ctx.facts
    invoice = facts.invoice
    command = UpdateOpportunity(
        ref=facts.contract.ref,
        invoice_number=invoice.number,
        invoice_status=invoice.state,
        invoice_date=invoice.posted_on,
        invoiced_amount=round_amount(invoice.total, invoice.currency),
        currency=invoice.currency,
    )
    return Sending(facts.contract.source_system, command, invoice.legal_entity)


def note_latency(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """How long the account team waited for the news, in seconds since we learnt of the posting."""
    invoice: Invoice = ctx.facts.invoice
    now = clock.now()
    if invoice.told_crm_at is None and invoice.posted_at is not None:
        ctx.run.notes = {**ctx.run.notes, "latency_s": round((now - invoice.posted_at).total_seconds(), 3)}
        invoice.told_crm_at = now
    return None


def at_risk(facts: Feedback) -> Money | None:
    """The invoice the account team does not know of."""
    return Money(facts.invoice.total, facts.invoice.currency)


def entity_of(facts: Feedback) -> Entity:
    """Whose business hours count."""
    code = facts.invoice.legal_entity
    return entity_facts(facts.shared.entities.get(code), code=code)


INVOICE_FEEDBACK = Saga(
    name="invoice_feedback",
    starts_on="invoice.posted",
    subject_type="invoice",
    load=load,
    at_risk=at_risk,
    entity_of=entity_of,
    steps=(Step("crm_update", send=tell_crm, then=note_latency),),
)
