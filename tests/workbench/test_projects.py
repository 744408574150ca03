"""Projects and traces: one story from the won deal to the posted invoice, found by any id."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.governance.models import ExternalId
from apps.processes.models import ProcessRun
from apps.projects.models import Project
from tests import factories
from tests.plugins.estate import Estate


@pytest.fixture
def billed(company: Estate, client: Client) -> Project:
    """An active project with one posted invoice; Anna is signed in."""
    project = company.activated(company.win())
    company.bill(project, "M1")
    client.force_login(factories.person("anna"))
    return project


def test_a_project_shows_where_it_stands_and_its_records_everywhere(
    company: Estate, client: Client, billed: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    invoice = billed.invoices.get()
    with django_assert_max_num_queries(12):
        listed = client.get("/projects/?state=active").content.decode()
    with django_assert_max_num_queries(15):
        html = client.get(f"/projects/{billed.pk}/").content.decode()

    assert billed.pk in listed
    assert f"/projects/{billed.pk}/" in listed
    assert invoice.number in html
    assert "1 of 2" in html
    assert ExternalId.objects.get(canonical_id=invoice.pk, kind="invoice").external_id in html
    assert f"/trace/{billed.correlation_id}/" in html
    assert client.get("/projects/?state=closed").content.decode().count("No project matches") == 1


def test_any_id_leads_to_the_story_and_the_story_names_every_step(
    company: Estate, client: Client, billed: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    invoice, story = billed.invoices.get(), f"/trace/{billed.correlation_id}/"
    run = ProcessRun.objects.filter(subject_id=billed.pk).get()
    record = ExternalId.objects.get(canonical_id=billed.pk, kind="project")
    ids = [
        billed.pk,
        invoice.pk,
        invoice.milestone_id,
        billed.contract_id,
        run.pk,
        invoice.number,
        billed.correlation_id,
    ]

    leads = {str(one): client.get("/trace/", {"q": str(one)})["Location"] for one in ids}
    with django_assert_max_num_queries(12):
        html = client.get(story).content.decode()

    assert set(leads.values()) == {story}
    assert client.get("/trace/", {"q": record.external_id}).status_code == 302
    assert client.get("/search", {"q": billed.pk.lower()})["Location"] == f"/projects/{billed.pk}/"
    assert "Asks netsuite: create project" in html
    assert "Requested → Granted" in html
    assert 'role="img"' in html
    assert html.count('<th scope="row"') > 30
    business = client.get(story, {"only": "business"}).content.decode()
    assert "Requested → Granted" in business
    assert "Asks netsuite" not in business
    assert "Nothing in this story needs a look." in client.get(story, {"only": "errors"}).content.decode()
    assert client.get("/trace/", {"q": "PRJ-NOBODY"}).status_code == 404


def test_the_project_and_story_of_another_entity_are_not_there(client: Client, billed: Project) -> None:
    client.force_login(factories.person("ulf", entities=("UK-01",)))

    assert client.get(f"/projects/{billed.pk}/").status_code == 404
    assert client.get(f"/trace/{billed.correlation_id}/").status_code == 404
    assert client.get("/trace/", {"q": billed.pk}).status_code == 404
    assert billed.pk not in client.get("/projects/").content.decode()
