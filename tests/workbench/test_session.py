"""Signing in and out, preferences, and pages that fail."""

import pytest
from django.test import Client

from apps.access import sign_in
from tests import factories

pytestmark = pytest.mark.django_db


def _try(client: Client, name: str, password: str, address: str = "192.0.2.1"):
    return client.post("/sign-in/", {"username": name, "password": password}, REMOTE_ADDR=address)


def test_the_right_password_lets_a_person_in_and_back_to_where_they_were(client: Client) -> None:
    factories.person("anna")

    answer = client.post(
        "/sign-in/", {"username": "anna", "password": factories.PASSWORD, "next": "/exceptions/?view=mine"}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/exceptions/?view=mine")


def test_nobody_is_sent_to_another_site_after_signing_in(client: Client) -> None:
    factories.person("anna")

    answer = client.post(
        "/sign-in/", {"username": "anna", "password": factories.PASSWORD, "next": "https://evil.example/"}
    )

    assert answer["Location"] == "/"


def test_guessing_is_stopped_for_this_account_from_this_address_only(client: Client) -> None:
    factories.person("anna")
    factories.person("tom")
    for _ in range(sign_in.MOST_PER_ACCOUNT):
        assert _try(client, "anna", "wrong").status_code == 422

    refused = _try(client, "Anna", factories.PASSWORD)

    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert "Too many failed sign-ins" in refused.content.decode()
    assert _try(client, "anna", factories.PASSWORD, "192.0.2.2").status_code == 302
    assert _try(client, "tom", factories.PASSWORD).status_code == 302


def test_a_success_forgets_the_failures_before_it(client: Client) -> None:
    factories.person("anna")
    for _ in range(sign_in.MOST_PER_ACCOUNT - 1):
        _try(client, "anna", "wrong")
    assert _try(client, "anna", factories.PASSWORD).status_code == 302
    client.logout()

    assert _try(client, "anna", "wrong").status_code == 422


def test_preferences_are_kept_and_shape_the_page(client: Client) -> None:
    client.force_login(factories.person("anna"))

    given = {"theme": "dark", "density": "compact", "time_zone": "Europe/Berlin"}
    html = client.post("/me/preferences/", given, follow=True).content.decode()

    assert 'data-theme="dark" data-density="compact" data-keys="off"' in html


def test_a_time_zone_nobody_knows_is_refused(client: Client) -> None:
    client.force_login(factories.person("anna"))

    answer = client.post("/me/preferences/", {"theme": "dark", "density": "compact", "time_zone": "Mars/Olympus"})

    assert answer.status_code == 422


def test_the_style_guide_is_for_staff(client: Client) -> None:
    client.force_login(factories.person("anna"))
    assert client.get("/styleguide/").status_code == 403

    client.force_login(factories.person("stefan", is_staff=True))
    assert client.get("/styleguide/").status_code == 200


def test_a_missing_page_shows_the_callers_correlation_id(client: Client) -> None:
    answer = client.get("/nowhere/", headers={"X-Correlation-ID": "ticket-4711-abc"})

    assert (answer.status_code, answer["X-Correlation-ID"]) == (404, "ticket-4711-abc")
    assert "ticket-4711-abc" in answer.content.decode()


def test_an_unfit_correlation_id_is_not_repeated(client: Client) -> None:
    answer = client.get("/nowhere/", headers={"X-Correlation-ID": "<script>"})

    assert "<script>" not in answer["X-Correlation-ID"]


def test_a_fault_shows_the_correlation_id_and_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(factories.person("anna"))
    monkeypatch.setattr("apps.workbench.queue.places_of", lambda cases: 1 / 0)

    answer = client.get("/exceptions/")

    assert answer.status_code == 500
    assert answer["X-Correlation-ID"] in answer.content.decode()
    assert "ZeroDivisionError" not in answer.content.decode()


def test_a_form_without_its_token_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/sign-in/", {"username": "a", "password": "b"})

    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_every_page_forbids_what_the_policy_forbids(client: Client) -> None:
    policy = client.get("/sign-in/")["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
