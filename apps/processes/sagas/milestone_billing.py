"""Milestone billing: an achieved milestone, or a part of one, becomes an invoice in the ERP's books."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from apps.billing.actions.invoices import (
    apply_tax,
    approve_invoice,
    draft_invoice,
    request_invoice_approval,
    submit_invoice,
)
from apps.billing.actions.milestones import achieve, follow_invoice
from apps.billing.actions.releases import apply_credit, draft_credit, release_invoice
from apps.billing.actions.revenue import recognise
from apps.billing.actions.statuses import Taken, take_status
from apps.billing.eligibility import why_not_billable
from apps.billing.models import CreditMemo
from apps.billing.models import InvoiceLine as InvoiceRow
from apps.billing.states import InvoiceState, MilestoneState
from apps.canonical.billing import Invoice, InvoiceLine, InvoiceStatus
from apps.canonical.codec import from_json
from apps.canonical.commands import CreateInvoice, CreditInvoice, PostInvoice, ReadInvoice, RequestTaxQuote, VoidInvoice
from apps.canonical.parties import TaxLine
from apps.core.ids import new_id
from apps.core.money import Money
from apps.events.inbox import message
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.crosswalk import Link
from apps.governance.policies import policies_now, required_role
from apps.governance.states import ApprovalState
from apps.processes.definition import Ctx, End, Outcome, Park, Saga, Sending, Step, Wait
from apps.processes.sagas.billing_facts import Billing, at_risk, blocked, entity_of, load
from apps.processes.sagas.shared import capabilities_of, parked_by

IN_THE_BOOKS = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.DISPUTED)


def take_achievement(ctx: Ctx) -> Outcome:
    """Delivery says it is done, wholly or in part, and shows why."""
    facts, said = _facts(ctx), ctx.run.trigger
    row = facts.milestone
    if row.remaining <= 0:
        return Park(
            "schedule_total_mismatch",
            f"{row.name} is invoiced to its full {row.currency} {row.amount - row.held_back:f}; "
            f"{facts.asked or 'no'} more can be billed on it.",
            code="milestone_used_up",
            field="amount",
            amount=Money(facts.asked or row.amount, row.currency),
        )
    if facts.milestone.state in (MilestoneState.PLANNED, MilestoneState.INVOICED):
        achieve(
            ctx.batch.work,
            facts.milestone,
            on=date.fromisoformat(str(said["achieved_on"])),
            evidence={"text": said.get("evidence", "")},
            amount=facts.asked,
            by=ctx.by,
        )
    return None


def check_eligibility(ctx: Ctx) -> Outcome:
    """Nothing stands in the way: contract, project, evidence, purchase order, period, tax, holds, order."""
    facts = _facts(ctx)
    row = facts.milestone
    # The set's facts were read before this batch wrote anything; the row itself is newer.
    checks = replace(
        facts.checks, is_achieved=row.state == MilestoneState.ACHIEVED, has_evidence=bool(row.evidence.get("text"))
    )
    park = parked_by(why_not_billable(checks, today=facts.today))
    if park is None and facts.milestone.state == MilestoneState.ACHIEVED:
        ctx.batch.work.move(facts.milestone, "qualify", by=ctx.by, story=ctx.run.correlation_id)
    return park


def draft(ctx: Ctx) -> Outcome:
    """The invoice as we mean it, whole or partial."""
    facts = _facts(ctx)
    if ctx.notes.get("invoice"):
        return None
    drafted = draft_invoice(
        ctx.batch.work,
        facts.milestone,
        amount=facts.asked,
        invoice_date=facts.today,
        correlation_id=ctx.run.correlation_id,
        by=ctx.by,
    )
    ctx.run.notes = {**ctx.run.notes, "invoice": drafted.invoice.pk}
    facts.shared.invoice_ids.append(drafted.invoice.pk)
    facts.shared.invoices[drafted.invoice.pk] = drafted.invoice
    facts.shared.lines[drafted.invoice.pk] = list(drafted.lines)
    return None


def ask_tax_quote(ctx: Ctx) -> Sending:
    """Ask the tax engine, line by line."""
    facts = _facts(ctx)
    body = {
        "reference": facts.invoice.pk,
        "legal_entity": facts.entity.code,
        "seller_country": facts.entity.country,
        "buyer_country": facts.account.country,
        "buyer_tax_id": facts.account.tax_id,
        "currency": facts.invoice.currency,
        "service_line": facts.milestone.service_line,
        "tax_date": facts.invoice.invoice_date.isoformat(),
        "lines": [{"ref": str(line.position), "amount": str(line.amount)} for line in facts.lines],
    }
    command = RequestTaxQuote(type="tax.quote.requested", subject=facts.invoice.pk, body=body)
    return Sending(facts.entity.tax_engine, command, facts.entity.code)


def take_tax_quote(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Put the quoted tax on the lines; the quote itself stays with the step."""
    facts = _facts(ctx)
    lines = [from_json(TaxLine, line) for line in answer["payload"]["lines"]]
    apply_tax(ctx.batch.work, facts.invoice, facts.lines, lines, by=ctx.by)
    return None


def request_approval(ctx: Ctx) -> Outcome:
    """By threshold: somebody agrees, or the policy says that nobody has to."""
    facts, invoice = _facts(ctx), _facts(ctx).invoice
    if invoice.state == InvoiceState.DRAFT:
        request_invoice_approval(ctx.batch.work, invoice, facts.milestone, by=ctx.by)
    role = required_role(
        policies_now(), kind="invoice", entity=invoice.legal_entity, amount=invoice.total, currency=invoice.currency
    )
    if not role:
        approve_invoice(ctx.batch.work, invoice, facts.milestone, by=ctx.by)
        return None
    request = ApprovalRequest(
        kind="invoice",
        subject_type="invoice",
        subject_id=invoice.pk,
        payload={"net": str(invoice.net), "tax": str(invoice.tax), "currency": invoice.currency},
        stream_key=ctx.run.stream_key,
        reference=_step_id(ctx),
        role=role,
        entity=invoice.legal_entity,
        amount=Money(invoice.total, invoice.currency),
        summary=f"{facts.milestone.name} for {facts.account.name}",
        correlation_id=ctx.run.correlation_id,
    )
    approvals.request(ctx.batch.work, [request], by=ctx.by)
    return Wait()


def take_approval(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """Go on when it is agreed; a refused invoice is void and its milestone free again."""
    facts = _facts(ctx)
    states = [approval.state for approval in facts.approvals if approval.reference == _step_id(ctx)]
    if ApprovalState.REFUSED in states:
        why = str(answer.get("why", ""))
        release_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by, outcome="voided", why=why)
        return End(f"refused by {answer.get('by', 'an approver')}")
    if not states or any(state != ApprovalState.GRANTED for state in states):
        return Wait()
    approve_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by)
    return None


def create_invoice(ctx: Ctx) -> Sending:
    """The invoice, in the ERP."""
    facts, invoice = _facts(ctx), _facts(ctx).invoice
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
    facts = _facts(ctx)
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
    facts = _facts(ctx)
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
    if _facts(ctx).invoice.state not in (InvoiceState.VOIDED, InvoiceState.CREDITED):
        _release(ctx, outcome="voided")
    return None


def post_invoice(ctx: Ctx) -> Sending | None:
    """Into the books, where that is a step of its own."""
    facts = _facts(ctx)
    if facts.invoice.state in IN_THE_BOOKS or not capabilities_of(facts.entity.erp).post_separate:
        return None
    command = PostInvoice(invoice_id=facts.invoice.pk, invoice_ref=facts.invoice_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_posted(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """The ERP's number, date and totals."""
    return _take(ctx, answer)


def undo_posted(ctx: Ctx) -> Sending | None:
    """A credit memo over the whole of it."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
    command = ReadInvoice(invoice_id=facts.invoice.pk, invoice_ref=facts.invoice_ref, legal_entity=facts.entity.code)
    return Sending(facts.entity.erp, command, facts.entity.code)


def take_read(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    """It must be in the books, with our totals."""
    facts = _facts(ctx)
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
    facts = _facts(ctx)
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


MILESTONE_BILLING = Saga(
    name="milestone_billing",
    starts_on="milestone.billable",
    subject_type="billingmilestone",
    load=load,
    at_risk=at_risk,
    entity_of=entity_of,
    blocked=blocked,
    steps=(
        Step("achievement", run=take_achievement),
        Step("eligibility", run=check_eligibility),
        Step("draft_invoice", run=draft),
        Step("tax_quote", send=ask_tax_quote, then=take_tax_quote),
        Step("approval", run=request_approval, until=("approval.granted", "approval.refused"), then=take_approval, due_within_h=24),
        Step("erp_invoice", send=create_invoice, then=take_created, undo=undo_created, undone=created_undone),
        Step("erp_post", send=post_invoice, then=take_posted, undo=undo_posted, undone=posted_undone),
        Step("erp_status", send=read_invoice, then=take_read),
        Step("revenue", run=recognise_revenue),
        Step("announce", run=announce),
    ),
)  # fmt: skip


def _take(ctx: Ctx, answer: Mapping[str, Any]) -> Outcome:
    facts = _facts(ctx)
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


def _release(ctx: Ctx, *, outcome: str) -> None:
    facts = _facts(ctx)
    why = str(ctx.notes.get("compensating_because") or "undone")
    was_recognised = facts.run.notes.get("recognised", False)
    release_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by, outcome=outcome, why=why)  # type: ignore[arg-type]
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
    facts = _facts(ctx)
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


def _facts(ctx: Ctx) -> Billing:
    return ctx.facts  # type: ignore[no-any-return]


def _step_id(ctx: Ctx) -> str:
    return new_id("STP", ctx.run.pk, ctx.run.step)
