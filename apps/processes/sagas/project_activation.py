"""Project activation: an approved contract becomes an active project of one legal entity, and the CRM hears of it."""

from apps.processes.definition import Saga, Step
from apps.processes.sagas import activation_checks as checks
from apps.processes.sagas import activation_erp as erp
from apps.processes.sagas import activation_news as news
from apps.processes.sagas.activation_facts import at_risk, blocked, entity_of, load, shown
from apps.processes.sagas.shared import ANSWERS

PROJECT_ACTIVATION = Saga(
    name="project_activation",
    starts_on="contract.approved",
    subject_type="project",
    load=load,
    at_risk=at_risk,
    entity_of=entity_of,
    blocked=blocked,
    shown=shown,
    compensated=erp.give_up,
    steps=(
        Step("check_customer", run=checks.check_customer, is_gate=True),
        Step("check_entity", run=checks.check_entity, is_gate=True),
        Step("tax_profile", send=checks.ask_tax_engine, then=checks.take_tax_profile),
        Step("template", run=checks.choose_template),
        Step("approvals", run=checks.request_approvals, until=ANSWERS, then=checks.take_approval,
             due_within_h=48, overdue="approval_overdue"),
        Step("erp_customer", send=erp.upsert_customer, then=erp.take_customer),
        Step("erp_project", send=erp.create_project, then=erp.take_project, undo=erp.undo_project),
        Step("erp_tasks", run=erp.plan_own_tasks, send=erp.create_tasks, then=erp.take_tasks),
        Step("erp_budget", send=erp.set_budget, is_optional=True),
        Step("billing_schedule", run=erp.plan_schedule, send=erp.create_schedule, then=erp.take_schedule,
             undo=erp.undo_schedule, undone=erp.schedule_undone),
        Step("revenue_schedule", run=erp.plan_own_revenue, send=erp.tell_revenue, is_optional=True),
        Step("activate", run=erp.activate),
        Step("staffing", send=news.announce_staffing, undo=news.cancel_staffing, is_optional=True),
        Step("initiation", send=news.announce_initiation, undo=news.cancel_initiation, is_optional=True),
        Step("crm_feedback", send=news.update_crm, undo=news.withdraw_from_crm, is_optional=True),
    ),
)  # fmt: skip
# Up to here nothing was sent to an ERP: a changed contract starts anew.
BEFORE_PROVISIONING = ("check_customer", "check_entity", "tax_profile", "template", "approvals")
