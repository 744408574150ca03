"""The engine on real stories: park, replay, look up, undo, queue, overdue; decisions by people who may."""

from datetime import timedelta

import pytest

from apps.access.errors import NotAllowed
from apps.access.models import User
from apps.audit.models import AuditLine
from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState, MilestoneState
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.core.errors import Conflict
from apps.events.models import OutboxCommand
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes import watchdog, work_off
from apps.processes.decisions import registry
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.states import RunState, StepState
from apps.projects.models import Project
from tests.factories import person
from tests.faults.whole import assert_whole
from tests.faults.workers import let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(company: Estate) -> Project:
    """Active in NetSuite, two milestones."""
    return company.activated(company.win())


def _finance() -> User:
    return User.objects.get(username="finance")


def _month() -> str:
    return f"{clock.today('America/New_York'):%Y-%m}"


def _achieve(company: Estate, project: Project, code: str = "M1") -> None:
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": code, **PROOF})
    company.settle()


def test_a_refused_invoice_parks_with_a_case_and_goes_on_when_it_is_replayed(company: Estate, project: Project) -> None:
    company.outside.close_period(entity="US-01", month=_month())
    _achieve(company, project)
    case = ExceptionCase.objects.get()
    run = ProcessRun.objects.get(saga="milestone_billing")
    assert (run.state, case.kind, case.is_open) == (RunState.PARKED, "period_closed", True)

    company.outside.close_period(entity="US-01", month=_month(), state="open")
    registry.apply("replay", case_id=case.pk, by=_finance(), expected_version=case.version)
    company.settle()

    case.refresh_from_db()
    assert (case.state, Invoice.objects.get().state) == (CaseState.RESOLVED, InvoiceState.POSTED)
    assert AuditLine.objects.filter(subject_id=str(case.pk), verb="decide replay", by="person:finance").exists()
    assert_whole(company)


def test_a_replay_that_fails_again_brings_the_case_back(company: Estate, project: Project) -> None:
    company.outside.close_period(entity="US-01", month=_month())
    _achieve(company, project)
    case = ExceptionCase.objects.get()

    registry.apply("replay", case_id=case.pk, by=_finance())
    company.settle()

    case.refresh_from_db()
    assert (case.state, case.occurrences) == (CaseState.OPEN, 2)
    assert_whole(company)


def test_a_decision_needs_the_entity_the_present_version_and_the_catalogue(company: Estate, project: Project) -> None:
    company.outside.close_period(entity="US-01", month=_month())
    _achieve(company, project)
    case = ExceptionCase.objects.get()

    with pytest.raises(NotAllowed):
        registry.apply("replay", case_id=case.pk, by=User.objects.get(username="finance.de"))
    with pytest.raises(NotAllowed):
        registry.apply("replay", case_id=case.pk, by=person("eve", roles=("executive",)))
    with pytest.raises(Conflict):
        registry.apply("replay", case_id=case.pk, by=_finance(), expected_version=case.version + 1)
    with pytest.raises(NotPossible):
        registry.apply("look_up", case_id=case.pk, by=_finance(), why="curious")
    case.refresh_from_db()
    assert case.state == CaseState.OPEN


def test_an_outcome_nobody_knows_is_looked_up_and_never_sent_again_by_replay(company: Estate, project: Project) -> None:
    _impatient()
    company.outside.fault(
        vendor="netsuite", match={"method": "POST", "path": "/invoice$"}, fault={"drop": "after"}, times=1
    )
    company.outside.fault(vendor="netsuite", match={"path": "/suiteql"}, fault={"status": 503, "body": {}})
    _until_it_parks(company, project)
    case = ExceptionCase.objects.get(kind="unknown_outcome")
    # Another case about the same step must not open a way round.
    ExceptionCase.objects.filter(pk=case.pk).update(kind="step_overdue")
    with pytest.raises(NotPossible):
        registry.apply("replay", case_id=case.pk, by=_finance())
    with pytest.raises(NotPossible):
        registry.apply("compensate", case_id=case.pk, by=_finance(), why="enough")
    ExceptionCase.objects.filter(pk=case.pk).update(kind="unknown_outcome")

    company.outside.mend()
    registry.apply("look_up", case_id=case.pk, by=_finance())
    _go_on(company)

    case.refresh_from_db()
    assert (case.state, Invoice.objects.get().state) == (CaseState.RESOLVED, InvoiceState.POSTED)
    (entry,) = company.sandbox.ask("ledger?vendor=netsuite&kind=invoice&key=" + Invoice.objects.get().pk)
    assert entry["creations"] == 1
    assert_whole(company)


def test_undo_waits_for_the_command_on_its_way_and_then_undoes_that_too(company: Estate, project: Project) -> None:
    _impatient()
    company.outside.fault(
        vendor="netsuite", match={"method": "POST", "path": "/invoice$"}, fault={"drop": "after"}, times=1
    )
    _achieve_only(company, project)
    run = ProcessRun.objects.get(saga="milestone_billing")
    step = ProcessStep.objects.get(run=run, name="erp_invoice")
    assert (step.state, OutboxCommand.objects.get(reference=step.pk).state) == (StepState.WAITING, "unknown")

    ProcessRun.objects.filter(pk=run.pk).update(overdue_at=clock.now() - timedelta(hours=1))
    watchdog.find_overdue()
    work_off.consume_all()
    case = ExceptionCase.objects.get(kind="step_overdue")
    registry.apply("compensate", case_id=case.pk, by=_finance(), why="the customer withdrew")
    _go_on(company)

    run.refresh_from_db()
    invoice = Invoice.objects.get()
    assert run.state == RunState.COMPENSATED
    assert invoice.state in (InvoiceState.VOIDED, InvoiceState.CREDITED)
    assert BillingMilestone.objects.get(pk=invoice.milestone_id).state == MilestoneState.ACHIEVED
    in_erp = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={invoice.pk}")
    assert [entry["creations"] for entry in in_erp] == [1]
    assert sum(entry["live"] for entry in in_erp) == 0 or invoice.state == InvoiceState.CREDITED
    assert_whole(company)


def test_a_step_that_waits_too_long_is_told_once_and_closes_when_it_moves(company: Estate) -> None:
    ref = company.win()
    company.hear(ref)
    company.settle()
    waiting = ProcessRun.objects.filter(state=RunState.RUNNING)
    assert waiting.exists()
    waiting.update(overdue_at=clock.now() - timedelta(hours=1))

    assert watchdog.find_overdue() == 1
    assert watchdog.find_overdue() == 0
    company.settle()
    case = ExceptionCase.objects.get(kind__endswith="_overdue")
    company.activated(ref)

    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert_whole(company)


def _impatient() -> None:
    system = ConnectedSystem.objects.get(code="netsuite")
    system.timeout_s, system.max_in_flight_s = 1, 0.5
    system.save()


def _achieve_only(company: Estate, project: Project) -> None:
    """Until the invoice is sent and its answer lost, and no further."""
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    for _ in range(20):
        work_off.drain(budget_s=0.3)
        if OutboxCommand.objects.filter(name="CreateInvoice", state="unknown").exists():
            return
    raise AssertionError("the invoice was never sent")


def _until_it_parks(company: Estate, project: Project) -> None:
    _achieve_only(company, project)
    for _ in range(20):
        work_off.drain(budget_s=1)
        if ExceptionCase.objects.filter(kind="unknown_outcome").exists():
            return
        let_time_pass(400)
    raise AssertionError("nobody said that the outcome is unknown")


def _go_on(company: Estate) -> None:
    for _ in range(5):
        company.settle(timeout_s=5)
        let_time_pass(120)
