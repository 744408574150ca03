"""One decision on every case of a cause: looked at first, the first few alone, each result verified."""

import pytest

from apps.access.errors import NotAllowed
from apps.audit.models import AuditLine
from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.connectors.models import ConnectedSystem
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.jobs import planning, running
from apps.processes.models import Job
from apps.processes.states import ItemState, JobState
from tests import factories
from tests.plugins.estate import PROOF, Estate
from tests.processes.decisions.story import REFUSAL, person


def _three_refused(company: Estate) -> list[int]:
    projects = [company.activated(company.win(customer)) for customer in ("nimbus", "borealis", "orion")]
    company.sandbox.tell("faults", vendor="netsuite", match={"path": "/invoice"}, fault=REFUSAL)
    for project in projects:
        company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
    company.settle()
    cases = ExceptionCase.objects.filter(step="erp_invoice").order_by("pk")
    assert len(set(cases.values_list("fingerprint", flat=True))) == 1
    return list(cases.values_list("pk", flat=True))


def _work_off(company: Estate, job: Job) -> Job:
    for _ in range(10):
        company.settle()
        running.advance_all()
    job.refresh_from_db()
    return job


def _states(job: Job) -> list[str]:
    return list(job.items.order_by("pk").values_list("state", flat=True))


def test_a_group_is_replayed_the_first_alone_and_every_case_is_seen_closed(company: Estate) -> None:
    cases, finance = _three_refused(company), person("finance")
    job = planning.plan(cases, decision="replay", by=finance, why="NetSuite is mended")
    (tally,) = planning.tallies(job)
    assert (tally.state, tally.items, len(tally.money)) == (ItemState.PLANNED, 3, 1)

    running.start(job.pk, by=finance, canary=1)
    company.settle()
    running.advance(job.pk)

    job.refresh_from_db()
    # The fault is still there: one was tried, it failed, and nobody touched the others.
    assert (job.state, _states(job)) == (JobState.HALTED, ["failed", "planned", "planned"])
    assert set(ExceptionCase.objects.filter(pk__in=cases).values_list("state", flat=True)) == {CaseState.OPEN}

    company.outside.mend()
    running.go_on(job.pk, by=finance)
    _work_off(company, job)
    assert (_states(job), job.state) == (["failed", "done", "done"], JobState.DONE)
    running.retry_failed(job.pk, by=finance)
    _work_off(company, job)

    assert (_states(job), job.state) == (["done"] * 3, JobState.DONE)
    assert set(ExceptionCase.objects.filter(pk__in=cases).values_list("state", flat=True)) == {CaseState.RESOLVED}
    assert set(Invoice.objects.values_list("state", flat=True)) == {InvoiceState.POSTED}
    verbs = AuditLine.objects.filter(subject_type="job", subject_id=str(job.pk)).order_by("seq")
    assert list(verbs.values_list("verb", flat=True)) == ["plan", "start", "go on", "retry failed"]


def test_the_rest_is_cancelled_and_a_platform_that_is_off_is_not_called(company: Estate) -> None:
    cases, finance = _three_refused(company), person("finance")
    company.outside.mend()
    ConnectedSystem.objects.filter(code="netsuite").update(enabled=False)
    job = planning.plan(cases, decision="replay", by=finance)
    running.start(job.pk, by=finance)
    assert _states(job) == ["planned"] * 3
    ConnectedSystem.objects.filter(code="netsuite").update(enabled=True, max_concurrency=1)
    running.advance(job.pk)
    assert sorted(_states(job)) == ["planned", "planned", "running"]

    running.cancel_rest(job.pk, by=finance, why="enough for today")
    _work_off(company, job)

    assert sorted(_states(job)) == ["cancelled", "cancelled", "done"]
    assert job.state == JobState.DONE


@pytest.mark.django_db
def test_the_plan_names_who_is_left_out_and_why() -> None:
    first, second = factories.opened(factories.finding("vendor_down"), factories.finding("unknown_outcome"))

    job = planning.plan([first.pk, second.pk], decision="dismiss", by=factories.person("anna"), why="a test")

    items = dict(job.items.values_list("case_id", "state"))
    assert items == {first.pk: ItemState.PLANNED, second.pk: ItemState.SKIPPED}
    assert "not possible" in job.items.get(case_id=second.pk).note
    assert ExceptionCase.objects.get(pk=first.pk).state == CaseState.OPEN


@pytest.mark.django_db
def test_a_group_is_decided_by_who_may_and_with_what_is_needed() -> None:
    (case,) = factories.opened()
    anna, dirk = factories.person("anna"), factories.person("dirk", roles=("delivery_manager",))

    with pytest.raises(NotAllowed):
        planning.plan([case.pk], decision="dismiss", by=dirk, why="x")
    for wrong in (
        {"decision": "resubmit", "why": "x"},
        {"decision": "dismiss", "why": " "},
        {"decision": "snooze", "why": "x", "inputs": {"until": "soon"}},
    ):
        with pytest.raises(BadInput):
            planning.plan([case.pk], by=anna, **wrong)

    assert not Job.objects.exists()


@pytest.mark.django_db
def test_customers_go_before_projects_before_invoices_and_closed_ones_are_passed_over() -> None:
    anna = factories.person("anna")
    invoice, project, account = factories.opened(
        *(factories.finding("vendor_down", subject_type=kind) for kind in ("billingmilestone", "project", "account"))
    )
    job = planning.plan([invoice.pk, project.pk, account.pk], decision="dismiss", by=anna, why="a test")

    running.start(job.pk, by=anna)
    assert dict(job.items.values_list("case_id", "state"))[account.pk] == ItemState.DONE
    assert dict(job.items.values_list("case_id", "state"))[project.pk] == ItemState.PLANNED
    from apps.exceptions.actions import people

    people.dismiss_case(project.pk, by=anna.actor, why="by hand")
    for _ in range(3):
        running.advance(job.pk)

    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert dict(job.items.values_list("case_id", "state")) == {
        account.pk: ItemState.DONE,
        project.pk: ItemState.SKIPPED,
        invoice.pk: ItemState.DONE,
    }
