"""confirm: the answer comes at once, says what is missing, and asks the CRM once."""

from typing import Any

import pytest
from django.test import Client

from apps.connectors.models import ConnectedSystem
from apps.events.models import OutboxCommand
from tests import factories
from tests.contracts import story

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales(client: Client) -> Client:
    """Somebody of sales operations, with the CRM connected."""
    ConnectedSystem.objects.create(
        code="hubspot", name="CRM", vendor="hubspot", base_url="http://127.0.0.1:8100/hubspot", secret_ref="hubspot"
    )
    client.force_login(factories.person("sam", roles=("sales_ops",)))
    return client


def _confirm(client: Client, ref: str, body: Any = None, **headers: str):
    given = {"system": "hubspot"} if body is None else body
    return client.post(f"/api/v1/opportunities/{ref}/confirm", given, content_type="application/json", headers=headers)


def test_the_answer_names_what_each_entity_lacks_and_the_crm_is_asked_afresh(sales: Client) -> None:
    story.masters()
    applied = story.told(story.deal("9001", story.line("DE-01"), story.line("XX-99")))
    story.requested(applied)

    answer = _confirm(sales, "9001")

    body = answer.json()
    assert answer.status_code == 202
    assert (body["contract"], body["ready"], body["correlation_id"]) == (applied[0].contract.pk, False, story.STORY)
    found = {check["legal_entity"]: {blocker["kind"] for blocker in check["blockers"]} for check in body["projects"]}
    assert "legal_entity_invalid" in found["XX-99"]
    assert "legal_entity_invalid" not in found["DE-01"]
    command = OutboxCommand.objects.get()
    assert (command.name, command.ordering_key, command.correlation_id) == (
        "ReadOpportunity",
        "deal:hubspot:9001",
        story.STORY,
    )


def test_repeating_a_request_asks_the_crm_once(sales: Client) -> None:
    for _ in range(3):
        assert _confirm(sales, "7", **{"Idempotency-Key": "click-1"}).status_code == 202
    assert _confirm(sales, "7", **{"Idempotency-Key": "click-2"}).status_code == 202

    assert OutboxCommand.objects.count() == 2


def test_an_opportunity_nobody_told_us_of_is_asked_for(sales: Client) -> None:
    body = _confirm(sales, "4711").json()

    assert (body["contract"], body["ready"], body["projects"]) == ("", False, [])
    assert OutboxCommand.objects.get().ordering_key == "hubspot:deal:4711"


def test_people_learn_of_their_own_entities_only(sales: Client) -> None:
    story.masters()
    story.requested(story.told(story.deal("9001", story.line("DE-01"), story.line("US-01"))))
    sales.force_login(factories.person("dora", roles=("sales_ops",), entities=("US-01",)))

    assert [check["legal_entity"] for check in _confirm(sales, "9001").json()["projects"]] == ["US-01"]


@pytest.mark.parametrize(
    ("ref", "body", "path"),
    [
        ("1", {}, "system"),
        ("1", {"system": 3.5}, "system"),
        ("1", {"system": "nobody"}, "system"),
        ("1", [], ""),
        ("a b", {"system": "hubspot"}, "ref"),
        ("x" * 80, {"system": "hubspot"}, "ref"),
    ],
)
def test_bad_input_says_where_and_what(sales: Client, ref: str, body: Any, path: str) -> None:
    answer = _confirm(sales, ref, body)

    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["path"] == path
    assert answer.json()["correlation_id"] == answer["X-Correlation-ID"]
    assert OutboxCommand.objects.count() == 0


def test_others_may_not_confirm(sales: Client) -> None:
    sales.force_login(factories.person("rita", roles=("auditor",)))
    refused = _confirm(sales, "1")
    assert (refused.status_code, "opportunities.confirm" in refused.json()["detail"]) == (403, True)

    sales.logout()
    assert _confirm(sales, "1").status_code == 403


def test_the_schema_describes_the_call(client: Client) -> None:
    schema = client.get("/api/v1/schema/").json()

    assert schema["openapi"] == "3.1.0"
    assert "/api/v1/opportunities/{ref}/confirm" in schema["paths"]
