"""Billing, first part: the milestone qualifies, its invoice is drafted, taxed and agreed to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from apps.billing.actions.invoices import (
    apply_tax,
    approve_invoice,
    draft_invoice,
    request_invoice_approval,
)
from apps.billing.actions.milestones import achieve
from apps.billing.actions.releases import release_invoice
from apps.billing.eligibility import why_not_billable
from apps.billing.models import Invoice as InvoiceRow
from apps.billing.states import InvoiceState, MilestoneState
from apps.canonical.codec import from_json
from apps.canonical.commands import RequestTaxQuote
from apps.canonical.parties import TaxLine
from apps.core.money import Money, round_amount
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.policies import required_role
from apps.governance.states import ApprovalState
from apps.processes.definition import Ctx, End, Outcome, Park, Sending, Wait
from apps.processes.sagas.billing_facts import facts_of
from apps.processes.sagas.shared import parked_by, step_id


def take_achievement(ctx: Ctx) -> Outcome:
    """Delivery says it is done, wholly or in part, and shows why."""
    facts, said = facts_of(ctx), ctx.run.trigger
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
    facts = facts_of(ctx)
    row = facts.milestone
    # The set's facts were read before this batch wrote anything; the row itself is newer.
    checks = replace(
        facts.checks, is_achieved=row.state == MilestoneState.ACHIEVED, has_evidence=bool(row.evidence.get("text"))
    )
    park = parked_by(why_not_billable(checks, today=facts.invoice_day), ctx=ctx)
    if park is None and facts.milestone.state == MilestoneState.ACHIEVED:
        ctx.batch.work.move(facts.milestone, "qualify", by=ctx.by, story=ctx.run.correlation_id)
    return park


def draft(ctx: Ctx) -> Outcome:
    """The invoice as we mean it, whole or partial."""
    facts = facts_of(ctx)
    if ctx.notes.get("invoice"):
        return None
    drafted = draft_invoice(
        ctx.batch.work,
        facts.milestone,
        amount=facts.asked,
        invoice_date=facts.invoice_day,
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
    facts = facts_of(ctx)
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
    facts = facts_of(ctx)
    lines = [from_json(TaxLine, line) for line in answer["payload"]["lines"]]
    apply_tax(ctx.batch.work, facts.invoice, facts.lines, lines, by=ctx.by)
    return None


def request_approval(ctx: Ctx) -> Outcome:
    """By threshold: somebody agrees, or the policy says that nobody has to."""
    facts, invoice = facts_of(ctx), facts_of(ctx).invoice
    if invoice.state == InvoiceState.DRAFT:
        request_invoice_approval(ctx.batch.work, invoice, facts.milestone, by=ctx.by)
    role = required_role(
        facts.shared.policies,
        kind="invoice",
        entity=invoice.legal_entity,
        amount=invoice.total,
        currency=invoice.currency,
    )
    if not role:
        approve_invoice(ctx.batch.work, invoice, facts.milestone, by=ctx.by)
        return None
    request = ApprovalRequest(
        kind="invoice",
        subject_type="invoice",
        subject_id=invoice.pk,
        payload=agreed_content(invoice),
        stream_key=ctx.run.stream_key,
        reference=step_id(ctx),
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
    facts = facts_of(ctx)
    states = [approval.state for approval in facts.approvals if approval.reference == step_id(ctx)]
    if ApprovalState.REFUSED in states:
        why = str(answer.get("why", ""))
        release_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by, outcome="voided", why=why)
        return End(f"refused by {answer.get('by', 'an approver')}")
    if not states or any(state != ApprovalState.GRANTED for state in states):
        return Wait()
    approve_invoice(ctx.batch.work, facts.invoice, facts.milestone, by=ctx.by)
    return None


def agreed_content(invoice: InvoiceRow) -> dict[str, str]:
    """What an approval of an invoice is bound to; amounts in the currency's minor unit, so that one figure is one text."""
    return {
        "net": str(round_amount(invoice.net, invoice.currency)),
        "tax": str(round_amount(invoice.tax, invoice.currency)),
        "currency": invoice.currency,
    }
