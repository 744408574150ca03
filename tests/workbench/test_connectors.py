"""Health of connected systems: seen at a glance, and a paused one goes on when somebody says what was mended."""

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.audit.models import AuditLine
from apps.connectors.models import ConnectedSystem
from apps.core.errors import Misconfigured
from apps.events import trouble
from apps.exceptions.models import ExceptionCase
from tests import factories
from tests.plugins.estate import Estate


def _pause() -> ExceptionCase:
    trouble.pause_system("netsuite", Misconfigured("NetSuite does not let us in.", code="credentials_expired"))
    return ExceptionCase.objects.get(system="netsuite")


def test_health_of_all_systems_is_one_page_of_few_queries(
    company: Estate, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    company.activated(company.win())
    ConnectedSystem.objects.filter(code="tax").update(breaker_state="open", breaker_failures=9)
    client.force_login(factories.person("ada", roles=("admin",)))

    with django_assert_max_num_queries(12):
        html = client.get("/connectors/").content.decode()
    with django_assert_max_num_queries(15):
        page = client.get("/connectors/netsuite/").content.decode()

    assert html.count("data-row-link") == ConnectedSystem.objects.count()
    assert "Silent 9 times in a row" in html
    assert "Create project" in page
    assert "None failed." in page
    assert client.get("/connectors/nothing/").status_code == 404


def test_a_paused_system_is_resumed_by_an_admin_who_says_what_was_mended(company: Estate, client: Client) -> None:
    case = _pause()
    client.force_login(factories.person("ada", roles=("admin",)))
    html = client.get("/connectors/netsuite/").content.decode()
    wordless = client.post("/connectors/netsuite/resume/", {"why": " "})
    still = ConnectedSystem.objects.get(code="netsuite").paused_until

    answer = client.post("/connectors/netsuite/resume/", {"why": "the certificate was renewed"})
    again = client.post("/connectors/netsuite/resume/", {"why": "the certificate was renewed"})

    assert "NetSuite does not let us in." in html
    assert "Until somebody resumes it." in html
    assert (wordless.status_code, answer.status_code, again.status_code) == (422, 302, 409)
    assert still is not None
    assert ConnectedSystem.objects.get(code="netsuite").paused_until is None
    assert ExceptionCase.objects.get(pk=case.pk).state == "resolved"
    assert AuditLine.objects.filter(
        subject_id=str(case.pk), by="person:ada", why="the certificate was renewed"
    ).exists()


def test_who_may_only_look_is_not_offered_the_button(company: Estate, client: Client) -> None:
    _pause()
    client.force_login(factories.person("rita", roles=("auditor",)))

    html = client.get("/connectors/netsuite/").content.decode()

    assert "connectors.edit" in html
    assert client.post("/connectors/netsuite/resume/", {"why": "me"}).status_code == 403
    client.force_login(factories.person("anna"))
    assert client.get("/connectors/").status_code == 403
