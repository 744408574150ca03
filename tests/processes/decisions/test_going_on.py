"""Going on all the same: with proof, without one demand, without a step, or later."""

from datetime import timedelta

import pytest

from apps.billing.models import FiscalPeriod, Invoice
from apps.billing.states import InvoiceState, PeriodState
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.core.errors import BadInput
from apps.events.models import OutboxCommand
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes import watchdog
from apps.processes.decisions.park_until import wake_parked
from apps.processes.models import ProcessRun, ProcessStep, Ruling
from apps.processes.states import RulingState, RunState, StepState
from tests.plugins.estate import PROOF, Estate
from tests.processes.decisions.story import agree, asked, decide, keyed_by_hand, offer, refused_invoice


def _achieve(company: Estate, **deal: str) -> None:
    project = company.activated(company.win(**deal))
    company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})


def test_a_document_and_a_second_person_stand_for_the_answer_that_never_came(company: Estate) -> None:
    case = refused_invoice(company)
    # Somebody has keyed the very same invoice into NetSuite by hand.
    ref = keyed_by_hand(OutboxCommand.objects.get(reference=case.reference))

    decide("override", case, document="INV-77", ref=ref, posted_on=clock.today("America/New_York").isoformat())
    company.settle()

    assert ProcessStep.objects.get(pk=case.reference).state == StepState.PARKED
    wanted = asked()
    assert (wanted.kind, "INV-77" in wanted.summary) == ("override", True)
    agree(wanted)
    company.settle()
    step = ProcessStep.objects.get(pk=case.reference)
    case.refresh_from_db()
    assert (step.state, case.state) == (StepState.OVERRIDDEN, CaseState.RESOLVED)
    assert Invoice.objects.get().state == InvoiceState.POSTED
    assert OutboxCommand.objects.filter(reference=case.reference).count() == 1


def test_without_a_document_nobody_goes_on(company: Estate) -> None:
    case = refused_invoice(company)

    with pytest.raises(BadInput, match="Document number is missing"):
        decide("override", case, ref="1", posted_on="2026-11-20")

    assert not Ruling.objects.exists()


def test_one_demand_is_waived_and_the_others_still_hold(company: Estate) -> None:
    _achieve(company, po_number="PO-1", po_amount="500.00")
    FiscalPeriod.objects.filter(legal_entity="US-01").update(state=PeriodState.CLOSED)
    company.settle()
    case = ExceptionCase.objects.get(kind="po_exhausted")

    decide("waive", case, why="the customer confirmed by phone")
    company.settle()

    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    period = ExceptionCase.objects.get(kind="period_closed")
    FiscalPeriod.objects.filter(legal_entity="US-01").update(state=PeriodState.OPEN)
    decide("replay", period)
    company.settle()
    assert Invoice.objects.get().state == InvoiceState.POSTED


def test_what_later_steps_need_is_never_waived_or_left_out(company: Estate) -> None:
    case = refused_invoice(company)

    with pytest.raises(NotPossible):
        decide("waive", case)
    with pytest.raises(NotPossible):
        decide("skip_step", case)


def test_a_parked_invoice_goes_out_by_itself_once_its_period_is_open(company: Estate) -> None:
    _achieve(company)
    FiscalPeriod.objects.filter(legal_entity="US-01").update(state=PeriodState.CLOSED)
    company.settle()
    case = ExceptionCase.objects.get(kind="period_closed")
    today = clock.today("America/New_York").isoformat()

    decide("park_until", case, until="period", day=today)
    assert wake_parked() == 0
    FiscalPeriod.objects.filter(legal_entity="US-01").update(state=PeriodState.OPEN)
    assert wake_parked() == 1
    assert wake_parked() == 0
    company.settle()

    case.refresh_from_db()
    assert (case.state, Ruling.objects.get().state) == (CaseState.RESOLVED, RulingState.DONE)
    assert Invoice.objects.get().state == InvoiceState.POSTED


def test_a_case_is_out_of_sight_until_its_day_and_never_parked_for_the_past(company: Estate) -> None:
    _achieve(company)
    FiscalPeriod.objects.filter(legal_entity="US-01").update(state=PeriodState.CLOSED)
    company.settle()
    case = ExceptionCase.objects.get(kind="period_closed")
    today = clock.today("America/New_York")

    with pytest.raises(BadInput, match="has come already"):
        decide("park_until", case, until="day", day=today.isoformat())
    decide("park_until", case, until="day", day=(today + timedelta(days=3)).isoformat())

    case.refresh_from_db()
    assert case.snoozed_until is not None
    assert wake_parked() == 0
    Ruling.objects.update(due_at=clock.now())
    assert wake_parked() == 1
    company.settle()
    case.refresh_from_db()
    assert (case.state, case.snoozed_until) == (CaseState.OPEN, None)


def test_a_stuck_announcement_is_left_out_and_never_sent_after_all(company: Estate) -> None:
    ConnectedSystem.objects.filter(code="staffing").update(enabled=False)
    project = company.activated(company.win())
    ProcessRun.objects.filter(step="staffing").update(overdue_at=clock.now())
    watchdog.find_overdue()
    company.settle()
    case = ExceptionCase.objects.get(kind="step_overdue")
    assert offer("skip_step", case, to="delivery").enabled

    decide("skip_step", case, by="delivery", why="staffed by hand")
    company.settle()
    ConnectedSystem.objects.filter(code="staffing").update(enabled=True)
    company.settle()

    case.refresh_from_db()
    run = ProcessRun.objects.get(subject_id=project.pk)
    assert (case.state, run.state) == (CaseState.RESOLVED, RunState.DONE)
    assert run.steps.get(name="staffing").state == StepState.SKIPPED
    assert company.sandbox.ask("ledger?vendor=staffing") == []


def test_an_invoice_bears_the_first_day_of_the_next_open_period_when_two_agree(company: Estate) -> None:
    _achieve(company)
    today = clock.today("America/New_York")
    this_month = FiscalPeriod.objects.get(legal_entity="US-01", starts_on__lte=today, ends_on__gte=today)
    FiscalPeriod.objects.filter(pk=this_month.pk).update(state=PeriodState.CLOSED)
    company.settle()
    case = ExceptionCase.objects.get(kind="period_closed")
    first = this_month.ends_on + timedelta(days=1)
    for wrong in (today, first + timedelta(days=1)):
        with pytest.raises(BadInput):
            decide("redate", case, invoice_date=wrong.isoformat())

    decide("redate", case, invoice_date=first.isoformat())
    company.settle()
    assert not Invoice.objects.exists()
    agree(asked())
    company.settle()

    case.refresh_from_db()
    invoice = Invoice.objects.get()
    assert (case.state, invoice.invoice_date) == (CaseState.RESOLVED, first)
    assert OutboxCommand.objects.get(name="CreateInvoice").body["invoice"]["invoice_date"] == first.isoformat()
