"""What the CRM left empty is filled in here; what belongs to others is corrected there."""

import pytest

from apps.contracts.models import Account
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.governance.models import Approval
from apps.processes.demo.walk import APPROVERS
from apps.processes.demo.watching import agree
from apps.projects.models import Project
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate
from tests.processes.decisions import story
from tests.processes.decisions.story import asked, decide, offer

ADDRESS = {
    "bill_to_name": "Kestrel Retail Group Ltd",
    "bill_to_street": "3 Mill Lane",
    "bill_to_city": "Leeds",
    "bill_to_zip": "LS1 4AP",
    "bill_to_country": "GB",
    "bill_to_email": "ap@kestrel.example",
}


def _without_address(company: Estate) -> ExceptionCase:
    company.activated(company.win("kestrel", entity="UK-01", currency="GBP"))
    return ExceptionCase.objects.get(kind="bill_to_missing")


def test_a_missing_address_is_filled_in_and_outlives_the_next_reading(company: Estate) -> None:
    case = _without_address(company)
    assert {each.name for each in offer("correct_master_data", case).inputs} >= set(ADDRESS)

    decide("correct_master_data", case, why="by phone with their accounts", **ADDRESS)
    company.settle()
    project = Project.objects.get()
    company.hear_again(project.contract.ref)
    while agree(story=project.correlation_id, by=APPROVERS):
        company.settle()

    case.refresh_from_db()
    project.refresh_from_db()
    assert (case.state, project.state) == (CaseState.RESOLVED, ProjectState.ACTIVE)
    assert Account.objects.get().bill_to["city"] == "Leeds"


def test_tax_data_takes_two_people_and_an_address_must_be_one(company: Estate) -> None:
    case = _without_address(company)
    with pytest.raises(BadInput) as refusal:
        decide("correct_master_data", case, **{**ADDRESS, "bill_to_country": "Britain"})
    assert refusal.value.path == "bill_to_country"

    decide("correct_master_data", case, **ADDRESS, tax_id="GB980780684")
    assert Account.objects.get().tax_id == ""
    assert asked().kind == "payload_edit"
    story.agree(asked())
    company.settle()

    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert Account.objects.get().tax_id == "GB980780684"
    assert Approval.objects.get(kind="payload_edit").decided_by == "person:controller"


def test_what_belongs_to_another_system_is_not_on_the_form_and_not_taken(company: Estate) -> None:
    case = _without_address(company)

    names = {each.name for each in offer("correct_master_data", case).inputs}
    assert not names & {"name", "country", "payment_terms_days"}
    with pytest.raises(BadInput, match="nothing was changed"):
        decide("correct_master_data", case, payment_terms_days="90", country="US")

    assert Account.objects.get().payment_terms_days == 30
