"""Billing, second part: the invoice in the ERP, read back, recognised, announced, and its undoing."""

from collections.abc import Mapping
from typing import Any, Literal

from apps.billing.actions.invoices import (
    submit_invoice,
)
from apps.billing.actions.milestones import follow_invoice
from apps.billing.actions.releases import apply_credit, draft_credit, release_invoice
from apps.billing.actions.revenue import recognise
from apps.billing.actions.statuses import Taken, take_status
from apps.billing.models import CreditMemo
from apps.billing.models import InvoiceLine as InvoiceRow
from apps.billing.states import InvoiceState, MilestoneState
from apps.canonical.billing import Invoice, InvoiceLine, InvoiceStatus
from apps.canonical.codec import from_json
from apps.canonical.commands import CreateInvoice, CreditInvoice, PostInvoice, ReadInvoice, VoidInvoice
from apps.canonical.parties import TaxLine
from apps.events.inbox import message
from apps.governance.crosswalk import Link
from apps.processes.definition import Ctx, Outcome, Park, Sending
from apps.processes.sagas.billing_facts import Billing, facts_of
from apps.processes.sagas.shared import capabilities_of

IN_THE_BOOKS = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.DISPUTED)


def create_invoice(ctx: Ctx) -> Sending:
    """The invoice, in the ERP."""
    facts, invoice = facts_of(ctx), facts_of(ctx).invoice
    if ctx.notes.get("invoice_date") and invoice.state == InvoiceState.APPROVED:
        invoice.invoice_date = facts.invoice_day
    command = CreateInvoice(
        invoice=Invoice(
            id=invoice.pk,
            legal_entity=invoice.legal_entity,
            currency=invoice.currency,
            customer_id=f"{facts.account.pk}:{invoice.legal_entity}",
            customer_ref=facts.link(facts.account.pk, kind=f"customer:{invoice.legal_entity}"),
            project_id=facts.project.pk,
            project_ref=facts.link(facts.project.pk, kind="project"),
            invoice_date=invoice.invoice_date,
            due_days=facts.account.payment_terms_days,
            po_number=facts.contract.po_number,
            lines=tuple(_line(facts, line) for line in facts.lines),
            tax_lines=tuple(_tax_line(line) for line in facts.lines),
            net=invoice.net,
            tax=invoice.tax,
            total=invoice.total,
        )
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_created(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """The ERP holds the invoice; some post it by that alone."""
    facts = facts_of(ctx)
    ref = str(answer.get("ref", ""))
    if not ref:
        return Park("crosswalk_missing", f"{facts.entity.erp} did not say under which id it keeps the invoice.")
    ctx.batch.link(Link(facts.invoice.pk, facts.entity.erp, "invoice", ref, correlation_id=ctx.run.correlation_id))
    facts.shared.links[facts.invoice.pk, facts.entity.erp, "invoice"] = ref
    if facts.invoice.state == InvoiceState.APPROVED:
        submit_invoice(ctx.batch.work, facts.invoice, by=ctx.by)
    return _take(ctx, answer)


def undo_created(ctx: Ctx) -> Sending | None:
    """A draft is voided; what is in the books by creation alone is credited."""
    facts = facts_of(ctx)
    if facts.invoice.state in (InvoiceState.VOIDED, InvoiceState.CREDITED):
        return None
    if facts.invoice.state in IN_THE_BOOKS:
        return undo_posted(ctx)
    command = VoidInvoice(invoice_id=facts.invoice.pk, invoice_ref=facts.invoice_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def created_undone(ctx: Ctx, answer: Mapping[str, Any]) -> None:
    """The milestone is free again."""
    if answer.get("command") == CreditInvoice.__name__:
        return posted_undone(ctx, answer)
    if facts_of(ctx).invoice.state not in (InvoiceState.VOIDED, InvoiceState.CREDITED):
        _release(ctx, outcome="voided")
    return None


def post_invoice(ctx: Ctx) -> Sending | None:
    """Into the books, where that is a step of its own."""
    facts = facts_of(ctx)
    if facts.invoice.state in IN_THE_BOOKS or not capabilities_of(facts.entity.erp).post_separate:
        return None
    command = PostInvoice(invoice_id=facts.invoice.pk, invoice_ref=facts.invoice_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_posted(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """The ERP's number, date and totals."""
    return _take(ctx, answer)


def undo_posted(ctx: Ctx) -> Sending | None:
    """A credit memo over the whole of it."""
    facts = facts_of(ctx)
    if facts.invoice.state not in IN_THE_BOOKS:
        return None
    why = str(ctx.notes.get("compensating_because") or "undone")
    memo = draft_credit(ctx.batch.work, facts.invoice, reason=why, credit_date=facts.today, by=ctx.by)
    ctx.run.notes = {**ctx.run.notes, "credit_memo": memo.pk}
    command = CreditInvoice(
        credit_memo_id=memo.pk,
        invoice_id=facts.invoice.pk,
        invoice_ref=facts.invoice_ref,
        legal_entity=facts.entity.code,
        credit_date=facts.today,
        reason=why[:255],
    )
    return Sending(facts.entity.erp, command, facts.entity.code)


def posted_undone(ctx: Ctx, answer: Mapping[str, Any]) -> None:
    """The credit memo is in the books; the milestone may be billed again, and the CRM is to hear of it."""
    memo_id = str(ctx.notes.get("credit_memo", ""))
    memo = ctx.batch.work.lock(CreditMemo, [memo_id]).get(memo_id)
    if memo is not None:
        apply_credit(ctx.batch.work, memo, number=str(answer.get("payload", {}).get("number", "")), by=ctx.by)
    _release(ctx, outcome="credited")
    _announce(ctx, ("invoice.credited",))


def read_invoice(ctx: Ctx) -> Sending:
    """What the ERP shows now; our own answer to "was it really posted?"."""
    facts = facts_of(ctx)
    command = ReadInvoice(invoice_id=facts.invoice.pk, invoice_ref=facts.invoice_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_read(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """It must be in the books, with our totals."""
    facts = facts_of(ctx)
    park = _take(ctx, answer)
    if park is None and facts.invoice.state not in IN_THE_BOOKS:
        return Park(
            "invoice_rejected",
            f"{facts.entity.erp} holds the invoice as {answer.get('payload', {}).get('state')}, not posted.",
            code="not_posted",
            evidence={"answer": dict(answer)},
        )
    return park


def recognise_revenue(ctx: Ctx) -> Outcome:
    """Revenue on milestone; the milestone follows its invoice."""
    facts = facts_of(ctx)
    if facts.milestone.state == MilestoneState.APPROVED:
        follow_invoice(ctx.batch.work, facts.milestone, facts.invoice, by=ctx.by)
        plan = facts.shared.revenue.get(facts.project.pk)
        if plan is not None:
            ctx.run.notes = {**ctx.run.notes, "recognised": True}
            recognise(
                ctx.batch.work,
                plan,
                milestone_id=facts.milestone.pk,
                amount=facts.invoice.net,
                on=facts.invoice.posted_on or facts.today,
                by=ctx.by,
            )
    return None


def announce(ctx: Ctx) -> Outcome:
    """Tell that it is posted: the news goes to the CRM in a story of its own."""
    _announce(ctx, ("invoice.posted",))
    return None


def _take(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    facts = facts_of(ctx)
    taken: Taken = take_status(ctx.batch.work, facts.invoice, from_json(InvoiceStatus, answer["payload"]), by=ctx.by)
    if not taken.differences:
        return None
    words = "; ".join(f"{one.field}: ours {one.ours}, theirs {one.theirs}" for one in taken.differences)
    return Park(
        "reconciliation_difference",
        f"{facts.entity.erp} holds invoice {facts.invoice} with other values: {words}",
        code="invoice_differs",
        field=taken.differences[0].field,
        evidence={
            "canonical": {one.field: str(one.ours) for one in taken.differences},
            "answer": {one.field: str(one.theirs) for one in taken.differences},
        },
    )


def _release(ctx: Ctx, *, outcome: Literal["voided", "credited"]) -> None:
    facts = facts_of(ctx)
    why = str(ctx.notes.get("compensating_because") or "undone")
    was_recognised = facts.run.notes.get("recognised", False)
    release_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by, outcome=outcome, why=why)
    plan = facts.shared.revenue.get(facts.project.pk)
    if plan is not None and outcome == "credited" and was_recognised:
        recognise(
            ctx.batch.work,
            plan,
            milestone_id=facts.milestone.pk,
            amount=-facts.invoice.net,
            on=facts.today,
            by=ctx.by,
        )


def _announce(ctx: Ctx, names: tuple[str, ...]) -> None:
    facts = facts_of(ctx)
    for name in names:
        ctx.batch.tell(
            message(
                name,
                {"subject": facts.invoice.pk},
                stream_key=ctx.run.stream_key,
                external_id=f"{name}:{facts.invoice.pk}:{ctx.run.pk}",
                correlation_id=ctx.run.correlation_id,
                causation_id=ctx.run.pk,
            )
        )


def _line(facts: Billing, line: InvoiceRow) -> InvoiceLine:
    return InvoiceLine(
        ref=str(line.position),
        description=line.description,
        service_line=line.service_line,
        amount=line.amount,
        milestone_id=facts.milestone.pk,
        milestone_ref=facts.link(facts.milestone.pk, kind="milestone"),
        closes_milestone=facts.milestone.remaining == 0,
        tax_code=line.tax_code,
        tax_rate_percent=line.tax_rate_percent,
        tax_amount=line.tax_amount,
    )


def _tax_line(line: InvoiceRow) -> TaxLine:
    return TaxLine(
        ref=str(line.position),
        base=line.amount,
        rate_percent=line.tax_rate_percent,
        amount=line.tax_amount,
        code=line.tax_code,
        reason=line.tax_reason,
    )
