"""One project per legal entity; what happens to it when the contract changes."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditLine
from apps.audit.work import Work
from apps.contracts.models import Contract
from apps.projects.actions.requests import cancel_project, request_projects
from apps.projects.models import Project
from tests.contracts.story import BY, STORY, active_project, company, deal, line, requested, told

pytestmark = pytest.mark.django_db


def test_each_legal_entity_gets_a_project_with_its_own_budget_and_terms():
    terms = deal("9001", line("DE-01", "600", "400"), line("DE-01", "300", service="ADVISORY"), line("US-01", "50"))

    result = requested(told(terms))

    german, american = sorted(result.created, key=lambda project: project.legal_entity)
    assert (german.budget, german.currency, german.service_line) == (Decimal(1300), "EUR", "IMPLEMENTATION")
    assert (american.budget, american.legal_entity) == (Decimal(50), "US-01")
    assert german.terms_hash != american.terms_hash
    assert (german.starts_on, german.ends_on) == (terms.starts_on, terms.ends_on)
    assert german.correlation_id == STORY
    assert (result.changed, result.settled, result.dropped) == ([], [], [])
    assert set(Project.objects.values_list("state", flat=True)) == {"requested"}


def test_asking_again_asks_for_nothing():
    requested(told(deal()))

    again = requested(told(deal()))

    assert again.created == again.changed == again.settled == again.dropped == []
    assert Project.objects.count() == 1


def test_a_contract_that_is_not_approved_gets_no_project():
    assert requested(told(deal(won=False))).created == []


def test_a_line_without_a_legal_entity_still_gets_a_project_to_hang_the_case_on():
    project = requested(told(deal("9001", line("")))).created[0]

    assert (project.legal_entity, project.state) == ("", "requested")


def test_a_change_before_provisioning_brings_the_project_back_to_the_start():
    project = requested(told(deal())).created[0]
    with transaction.atomic():
        work = Work()
        work.track(project)
        work.move(project, "validate", by=BY)
        work.move(project, "request_approval", by=BY)
        work.flush()
    before = project.terms_hash

    result = requested(told(deal("9001", line("DE-01", "600", "500"))))

    changed = Project.objects.get()
    assert [one.pk for one in result.changed] == [changed.pk]
    assert (changed.state, changed.budget) == ("requested", Decimal(1100))
    assert changed.terms_hash != before
    line_ = AuditLine.objects.get(subject_id=changed.pk, verb="amend")
    assert (line_.before["budget"], line_.after["budget"]) == ("1000.000000", "1100")


def test_a_change_for_one_entity_leaves_the_project_of_the_other_alone():
    requested(told(deal("9001", line("DE-01"), line("US-01", "50"))))

    result = requested(told(deal("9001", line("DE-01"), line("US-01", "70"))))

    assert [one.legal_entity for one in result.changed] == ["US-01"]


def test_a_change_after_activation_leaves_the_project_as_it_is():
    project = active_project()

    result = requested(told(deal("9001", line("DE-01", "600", "500"))))

    assert [one.pk for one in result.settled] == [project.pk]
    assert Project.objects.get().budget == Decimal(1000)


def test_an_entity_that_left_the_contract_is_named_and_can_be_cancelled():
    requested(told(deal("9001", line("DE-01"), line("US-01", "50"))))
    applied = told(deal("9001", line("DE-01")))

    with transaction.atomic():
        work = Work()
        result = request_projects(work, applied, by=BY)
        cancel_project(work, result.dropped[0], by=BY, why="not in the contract any more")
        work.flush()

    assert Project.objects.get(legal_entity="US-01").state == "cancelled"
    assert Project.objects.get(legal_entity="DE-01").state == "requested"


def test_a_lost_deal_asks_for_nothing_and_drops_nothing():
    requested(told(deal()))

    result = requested(told(deal("9001", line("UK-01"), won=False)))

    assert result.created == result.dropped == []


def test_the_first_active_project_makes_its_contract_active():
    project = active_project()

    assert Contract.objects.get().state == "active"
    assert Project.objects.get(pk=project.pk).activated_at is not None


def test_a_hundred_contracts_cost_as_many_queries_as_one():
    applied = told(*(deal(str(number), account=company(str(number))) for number in range(1, 101)))

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        work = Work()
        result = request_projects(work, applied, by=BY)
        work.flush()

    assert len(result.created) == 100
    assert len(captured) <= 6
