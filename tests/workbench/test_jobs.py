"""Deciding on a whole cause in the browser: the group, the dry run, the job."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.access.models import User
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.models import Job
from apps.processes.states import JobState
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(client: Client) -> User:
    user = factories.person("anna")
    client.force_login(user)
    return user


@pytest.fixture
def group(db: None) -> list[ExceptionCase]:
    return factories.opened(*(factories.finding() for _ in range(5)))


def test_a_cause_is_decided_on_after_a_look_at_what_would_happen(
    client: Client, anna: User, group: list[ExceptionCase], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    where = f"/exceptions/groups/{group[0].fingerprint}/"
    with django_assert_max_num_queries(12):
        html = client.get(where).content.decode()
    assert "Decide on all 5 that are open" in html
    assert "1,417,670.00" in html

    answer = client.post(f"{where}dismiss/", {"why": "a test customer"})
    job = Job.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/jobs/JOB-{job.pk}/")
    with django_assert_max_num_queries(12):
        html = client.get(f"/jobs/JOB-{job.pk}/").content.decode()
    assert "Nothing is decided yet" in html
    assert "Three first" in html
    assert {case.state for case in ExceptionCase.objects.all()} == {CaseState.OPEN}

    client.post(f"/jobs/JOB-{job.pk}/start/")

    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert {case.state for case in ExceptionCase.objects.all()} == {CaseState.DISMISSED}
    assert job.number in client.get("/jobs/").content.decode()


def test_without_a_reason_or_with_a_decision_that_is_none_nothing_is_planned(
    client: Client, anna: User, group: list[ExceptionCase]
) -> None:
    where = f"/exceptions/groups/{group[0].fingerprint}/"

    assert client.post(f"{where}dismiss/", {"why": ""}).status_code == 422
    assert client.post(f"{where}close_with_reference/", {"why": "x"}).status_code == 422
    assert client.post(f"{where}override/", {"why": "x"}).status_code == 404
    assert client.get("/exceptions/groups/no-such/").status_code == 404
    assert not Job.objects.exists()


def test_a_job_about_other_entities_is_not_shown(client: Client, anna: User, group: list[ExceptionCase]) -> None:
    client.post(f"/exceptions/groups/{group[0].fingerprint}/dismiss/", {"why": "x"})
    job = Job.objects.get()
    client.force_login(factories.person("us", entities=("US-01",)))

    assert client.get(f"/jobs/JOB-{job.pk}/").status_code == 404
    assert job.number not in client.get("/jobs/").content.decode()
    assert client.get(f"/exceptions/groups/{group[0].fingerprint}/").status_code == 404


def test_who_may_not_decide_in_bulk_reads_and_no_more(client: Client, group: list[ExceptionCase]) -> None:
    client.force_login(factories.person("dirk", roles=("delivery_manager",)))

    html = client.get(f"/exceptions/groups/{group[0].fingerprint}/").content.decode()

    assert "Decide on all" not in html
    assert client.post(f"/exceptions/groups/{group[0].fingerprint}/dismiss/", {"why": "x"}).status_code == 403
