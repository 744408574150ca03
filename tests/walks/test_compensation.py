"""Undoing really undoes, in the ERP's own ledger."""

from apps.access.models import User
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState, MilestoneState
from apps.connectors.models import ConnectedSystem
from apps.events import delivery
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.decisions import registry as decisions
from apps.processes.models import ProcessRun
from apps.processes.states import RunState
from apps.projects.states import ProjectState
from tests.plugins.estate import PROOF, Estate

REFUSAL = {
    "status": 400,
    "body": {
        "title": "Bad Request",
        "status": 400,
        "o:errorDetails": [{"detail": "no", "o:errorCode": "INVALID_CONTENT"}],
    },
}


def test_undoing_an_activation_cancels_project_and_schedule_in_the_erp(company: Estate) -> None:
    company.sandbox.tell("faults", vendor="events/staffing", fault={"status": 422, "body": {"title": "no capacity"}})
    project = company.activated(company.win())
    case = ExceptionCase.objects.get(step="staffing")

    decisions.apply(
        "compensate", case_id=case.pk, by=User.objects.get(username="delivery"), why="the customer withdrew"
    )
    company.settle()

    project.refresh_from_db()
    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert ProcessRun.objects.get(subject_id=project.pk).state == RunState.COMPENSATED
    assert project.state in (ProjectState.CANCELLED, ProjectState.CLOSED)
    (job,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=job&key={project.pk}")
    assert job["body"]["isInactive"] is True
    for milestone in BillingMilestone.objects.filter(project=project):
        assert milestone.state == MilestoneState.CANCELLED
        entries = company.sandbox.ask(f"ledger?vendor=netsuite&kind=charge&key={milestone.pk}")
        assert all(entry["live"] == [] or entry["body"]["stage"]["id"] == "NON_BILLABLE" for entry in entries)


def test_undoing_a_billing_credits_the_posted_invoice_and_frees_the_milestone(company: Estate) -> None:
    project = company.activated(company.win())
    erp = ConnectedSystem.objects.filter(code="netsuite")
    erp.update(enabled=False)
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    company.settle()
    erp.update(enabled=True)
    delivery.deliver("netsuite")
    # NetSuite has posted the invoice; what we ask of it from now on it refuses.
    company.sandbox.tell("faults", vendor="netsuite", match={"path": "suiteql"}, fault=REFUSAL)
    company.settle()
    invoice = Invoice.objects.get()
    case = ExceptionCase.objects.get(saga="milestone_billing")
    company.outside.mend()

    decisions.apply("compensate", case_id=case.pk, by=User.objects.get(username="finance"), why="wrong milestone")
    company.settle()

    invoice.refresh_from_db()
    milestone = BillingMilestone.objects.get(pk=invoice.milestone_id)
    assert invoice.state == InvoiceState.CREDITED
    assert (milestone.state, milestone.invoiced_amount) == (MilestoneState.ACHIEVED, 0)
    (entry,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={invoice.pk}")
    assert float(entry["body"]["amountRemaining"]) == 0
    memos = company.sandbox.ask("ledger?vendor=netsuite&kind=creditmemo")
    assert sum(memo["creations"] for memo in memos if memo["by"] == "key") == 1
