"""Milestone billing: an achieved milestone, or a part of one, becomes an invoice in the ERP's books."""

from apps.processes.definition import Saga, Step
from apps.processes.sagas import billing_draft as drafting
from apps.processes.sagas import billing_erp as erp
from apps.processes.sagas.billing_facts import at_risk, blocked, entity_of, load, shown
from apps.processes.sagas.shared import ANSWERS

MILESTONE_BILLING = Saga(
    name="milestone_billing",
    starts_on="milestone.billable",
    subject_type="billingmilestone",
    load=load,
    at_risk=at_risk,
    entity_of=entity_of,
    blocked=blocked,
    shown=shown,
    steps=(
        Step("achievement", run=drafting.take_achievement),
        Step("eligibility", run=drafting.check_eligibility, is_gate=True),
        Step("draft_invoice", run=drafting.draft),
        Step("tax_quote", send=drafting.ask_tax_quote, then=drafting.take_tax_quote),
        Step("approval", run=drafting.request_approval, until=ANSWERS, then=drafting.take_approval,
             due_within_h=24, overdue="approval_overdue"),
        Step("erp_invoice", send=erp.create_invoice, then=erp.take_created, undo=erp.undo_created, undone=erp.created_undone),
        Step("erp_post", send=erp.post_invoice, then=erp.take_posted, undo=erp.undo_posted, undone=erp.posted_undone),
        Step("erp_status", send=erp.read_invoice, then=erp.take_read),
        Step("revenue", run=erp.recognise_revenue),
        Step("announce", run=erp.announce),
    ),
)  # fmt: skip
